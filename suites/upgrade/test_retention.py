"""What is left when the log may hold only so much (5)."""

from typing import Any

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.wire import WireClient

KEPT = 5
COMMANDS = 20
BRIEF = {"retention": {"events": KEPT, "interval": 0.1}}


async def _page(client: WireClient, channel: str) -> dict[str, Any]:
    page: dict[str, Any] = (await client.answer("history", {"channel": channel, "limit": 1000})).data
    return page


async def _shortened(client: WireClient, channel: str) -> dict[str, Any]:
    """The channel's history, once it holds no more than it may."""

    async def short() -> dict[str, Any] | None:
        page = await _page(client, channel)
        return page if len(page["events"]) <= KEPT < page["offset"] else None

    page: dict[str, Any] = await eventually(short, f"at most {KEPT} events left on {channel}")
    return page


@clause(
    "UPGRADE-020",
    level="MUST",
    section="5",
    feature="resume",
    profile="durable",
    text="A resume before what retention has left is answered with recovered false, the answer has the offset from "
    "which it goes on, and from there every live event comes.",
)
async def test_resuming_before_what_is_held(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh(log=BRIEF)
    writer, reader = await connect(node), await connect(node)
    series = sample.sequence(count=COMMANDS + 2)
    for call in (*series.setup, *series.calls[:COMMANDS]):
        await writer.answer(*call)
    page = await _shortened(writer, series.channel)
    joined = (await reader.subscribe(series.channel, since={"epoch": page["epoch"], "offset": 1})).data
    assert joined["recovered"] is False, f"the events after 1 are gone, and yet: {joined}"
    assert joined["epoch"] == page["epoch"]
    for call in series.calls[COMMANDS:]:
        await writer.answer(*call)
    received: list[Envelope] = []
    while not (received and received[-1].event == series.event and series.number(received[-1]) == COMMANDS + 1):
        received.append(await reader.event(room=series.channel))
    first = joined["offset"] + 1
    assert [event.offset for event in received] == list(range(first, first + len(received)))
    assert [series.number(e) for e in received if e.event == series.event][-2:] == [COMMANDS, COMMANDS + 1]


@clause(
    "UPGRADE-021",
    level="MUST",
    section="5",
    feature="history",
    profile="durable",
    text="What retention has left is unbroken: history begins at the oldest event that is held, and a resume from "
    "there gives all that followed.",
)
async def test_what_is_held_is_unbroken(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh(log=BRIEF)
    writer, reader = await connect(node), await connect(node)
    series = sample.sequence(count=COMMANDS)
    for call in (*series.setup, *series.calls):
        await writer.answer(*call)
    page = await _shortened(writer, series.channel)
    held = [event["offset"] for event in page["events"]]
    assert held, "the newest events are gone too"
    assert held == list(range(held[0], page["offset"] + 1)), f"offsets up to {page['offset']}: {held}"
    since = {"epoch": page["epoch"], "offset": held[0]}
    assert (await reader.subscribe(series.channel, since=since)).data["recovered"] is True
    if len(held) > 1:
        later = await reader.events(len(held) - 1, room=series.channel)
        assert [event.offset for event in later] == held[1:]


@clause(
    "UPGRADE-022",
    level="MUST",
    section="5",
    feature="durable",
    profile="durable",
    text="What retention takes from the log stays in the state, over kill -9 too, and offsets go on where they were.",
)
async def test_state_outlives_its_events(fresh: Fresh, connect: Connect, sample: RequestSamples) -> None:
    node = await fresh(log=BRIEF)
    client = await connect(node)
    for n in range(COMMANDS):
        await client.answer(*sample.command(n))
    before = await _shortened(client, "global")
    await node.restart(kill=True)
    client = await connect(node)
    for n in range(COMMANDS):
        back = sample.readback(n)
        back.check(await client.answer(*back.call))
    assert (await _page(client, "global"))["offset"] == before["offset"]
    await client.answer(*sample.command(COMMANDS))
    after = await _page(client, "global")
    offsets = [event["offset"] for event in after["events"]]
    assert after["offset"] > before["offset"]
    assert offsets == list(range(offsets[0], after["offset"] + 1))
