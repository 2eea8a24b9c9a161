"""Places in a channel that are none, and changes of mind on the way (3, 5)."""

from typing import Any

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.suites.protocol.event_series import assert_contiguous, perform

NO_OFFSETS = (-1, 2**63, 10**40, 1.5, "1", True, None, [1])
NO_LIMITS = (0, -1, 2**63, 1.5, "ten", True, None)


@clause(
    "PROTOCOL-029",
    level="MUST",
    section="3",
    feature="history",
    profile="durable",
    text="An offset or a limit that can be none is INVALID_DATA and names the field; nothing is subscribed to by it.",
)
async def test_positions_that_can_be_none(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    channel = sample.channel()
    epoch = (await client.answer("history", {"channel": channel})).data["epoch"]
    wrong: list[tuple[str, dict[str, Any], str]] = [
        *(("subscribe", {"since": {"epoch": epoch, "offset": offset}}, "since.offset") for offset in NO_OFFSETS),
        *(("subscribe", {"since": since}, "since") for since in ("newest", 5, [epoch, 1])),
        ("subscribe", {"since": {"offset": 1}}, "since.epoch"),
        ("subscribe", {"since": {"epoch": epoch}}, "since.offset"),
        ("subscribe", {"since": {"epoch": 7, "offset": 1}}, "since.epoch"),
        *(("history", {"after": offset}, "after") for offset in NO_OFFSETS),
        *(("history", {"limit": limit}, "limit") for limit in NO_LIMITS),
    ]
    for event, data, field in wrong:
        refused = await client.refusal(event, {"channel": channel, **data})
        assert (refused.error_code, refused.data.get("field")) == ("INVALID_DATA", field), (
            f"{event} {data}: {refused!r}"
        )
    await client.answer(*sample.command())
    assert not await client.fence(), "a refused subscription is one"


@clause(
    "PROTOCOL-059",
    level="MUST",
    section="5",
    feature="resume",
    profile="durable",
    text="A client that leaves a channel during the replay gets nothing more of it after the answer; one that "
    "subscribes again meanwhile gets all that is after the place then named.",
)
async def test_change_of_mind_while_catching_up(connect: Connect, sample: RequestSamples) -> None:
    writer, client = await connect(), await connect()
    series = sample.sequence(count=40)
    await perform(writer, series.setup)
    start = (await writer.subscribe(series.channel)).data
    await writer.answer("unsubscribe", {"channel": series.channel})
    await perform(writer, series.calls)
    newest = (await writer.answer("history", {"channel": series.channel, "limit": 1})).data["offset"]
    for last in ("unsubscribe", "subscribe"):
        await client.send(_subscribe("all", series.channel, start["epoch"], start["offset"]))
        await client.send(
            {"type": "request", "id": last, "event": "unsubscribe", "data": {"channel": series.channel}}
            if last == "unsubscribe"
            else _subscribe(last, series.channel, start["epoch"], newest - 5)
        )
        await client.reply("all")
        await client.drain_until(lambda e, name=last: e.correlation_id == name, f"the answer to {last}")  # type: ignore[misc]
        await client.answer("history", {"channel": series.channel})  # takes as long as what was missed
        later = [e for e in await client.fence() if e.room == series.channel]
        if last == "unsubscribe":
            assert not later, f"{len(later)} events after the answer to unsubscribe"
        else:
            later += [await client.event(room=series.channel) for _ in range(5 - len(later))]
            assert_contiguous(later, newest - 5)


def _subscribe(name: str, channel: str, epoch: str, offset: int) -> dict[str, Any]:
    since = {"epoch": epoch, "offset": offset}
    return {"type": "request", "id": name, "event": "subscribe", "data": {"channel": channel, "since": since}}
