"""The standard requests (3), the forms of the published client (1.3) and errors about data."""

from contextlib import suppress

import pytest

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import TimedOut, eventually
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.protocol.event_series import perform


@clause(
    "PROTOCOL-030",
    level="MUST",
    section="3",
    feature="resume",
    profile="durable",
    text="A subscription to a persisted channel is confirmed with the channel, the log's epoch and an offset in it.",
)
async def test_subscribe(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    series = sample.sequence(count=3)
    await perform(client, (*series.setup, *series.calls))
    joined = await client.subscribe(series.channel)
    assert (joined.data["status"], joined.data["channel"]) == ("subscribed", series.channel)
    assert isinstance(joined.data["recovered"], bool)
    held = (await client.answer("history", {"channel": series.channel, "limit": 1})).data
    assert (joined.data["epoch"], joined.data["offset"]) == (held["epoch"], held["offset"])
    assert held["offset"] >= len(series.calls)


@clause(
    "PROTOCOL-031",
    level="MUST",
    section="3",
    feature="core",
    profile="core",
    text="After the answer to unsubscribe nothing more comes from the channel; other channels go on.",
)
async def test_unsubscribe(connect: Connect, sample: RequestSamples) -> None:
    client, writer = await connect(), await connect()
    channel = sample.channel()
    await client.subscribe(channel)
    await client.subscribe("global")
    left = await client.answer("unsubscribe", {"channel": channel})
    assert (left.data["status"], left.data["channel"]) == ("unsubscribed", channel)
    await writer.answer(*sample.command())
    await client.event(sample.event, "global", where=sample.concerns)
    assert not [e for e in await client.fence() if e.room == channel], "events of a channel that was left"
    again = await client.answer("unsubscribe", {"channel": channel})
    assert again.data["status"] == "unsubscribed"


@clause(
    "PROTOCOL-032",
    level="MUST",
    section="3",
    feature="core",
    profile="core",
    text="ping, as a request or as a type of its own, is answered by a pong that correlates.",
)
async def test_ping(connect: Connect, node: Node) -> None:
    client = await connect()
    for frame in ({"type": "request", "event": "ping"}, {"type": "ping"}, {"type": "ping", "event": "ping"}):
        await client.send({"id": "p", **frame})
        assert (await client.reply("p")).type == "pong", f"{frame} was not answered by a pong"
    assert not await client.fence()


@clause(
    "PROTOCOL-033",
    level="MUST",
    section="3",
    feature="history",
    profile="durable",
    text="history gives a channel's events after an offset, in order, as many as requested, and the newest offset.",
)
async def test_history(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    series = sample.sequence(count=6)
    await perform(client, series.setup)
    before = (await client.subscribe(series.channel)).data
    await perform(client, series.calls)
    query = {"channel": series.channel, "after": before["offset"], "limit": 1000}
    held = (await client.answer("history", query)).data
    offsets = [event["offset"] for event in held["events"]]
    assert len(offsets) >= 6
    assert offsets == list(range(before["offset"] + 1, before["offset"] + 1 + len(offsets)))
    assert (held["epoch"], held["offset"]) == (before["epoch"], offsets[-1])
    live = await client.event(room=series.channel)
    first = held["events"][0]
    assert {key: first[key] for key in ("id", "event", "data", "offset")} == {
        key: live.raw[key] for key in ("id", "event", "data", "offset")
    }
    part = (await client.answer("history", {**query, "after": offsets[1], "limit": 2})).data
    assert [event["offset"] for event in part["events"]] == offsets[2:4]
    assert part["offset"] >= offsets[-1], f"{part['offset']} is not the newest offset"


@clause(
    "PROTOCOL-034",
    level="MUST",
    section="3",
    feature="presence",
    profile="live",
    text="presence lists the users on a channel, as long as they are there and no longer.",
)
async def test_presence(connect: Connect, node: Node, sample: RequestSamples) -> None:
    channel = sample.channel()
    own = {f"{name}-{sample.key()}": name for name in ("ann", "bob")}  # others may be there
    watcher = await connect()
    ann, bob = [await connect(user=user) for user in own]

    async def present() -> list[str]:
        answer = await watcher.answer("presence", {"channel": channel})
        return sorted(own[member["user_id"]] for member in answer.data["members"] if member["user_id"] in own)

    async def assert_present(*names: str) -> None:
        async def are_present() -> bool:
            return await present() == list(names)

        with suppress(TimedOut):  # of a replica's members another one receives it a moment later
            await eventually(are_present, f"{names} on the channel")
        assert await present() == list(names)

    await assert_present()
    await ann.subscribe(channel)
    await bob.subscribe(channel)
    await assert_present("ann", "bob")
    await bob.answer("unsubscribe", {"channel": channel})
    await assert_present("ann")


@clause(
    "PROTOCOL-035",
    level="MUST",
    section="1.3",
    feature="core",
    profile="core",
    text="The published client's ways to subscribe and unsubscribe are taken as the requests that they mean.",
)
@pytest.mark.parametrize("key", ["room", "channel"])
@pytest.mark.parametrize("form", ["event", "type"])
async def test_forms_of_the_published_client(connect: Connect, sample: RequestSamples, key: str, form: str) -> None:
    client, writer = await connect(), await connect()
    for n, (verb, status) in enumerate((("subscribe", "subscribed"), ("unsubscribe", "unsubscribed"))):
        frame = {"type": "event", "event": verb} if form == "event" else {"type": verb}
        await client.send({**frame, "id": verb, "data": {key: "global"}})
        answer = await client.reply(verb)
        assert (answer.type, answer.data.get("status"), answer.data.get("channel")) == ("response", status, "global")
        await writer.answer(*sample.command(n))

        def is_delivered(event: Envelope, n: int = n) -> bool:
            return event.room == "global" and sample.concerns(event, n)

        expected = len(sample.records) if status == "subscribed" else 0
        received = [event for event in await client.settled(expected, is_delivered) if is_delivered(event)]
        assert bool(received) == (status == "subscribed"), f"{status}, and {len(received)} events are delivered"


@clause(
    "PROTOCOL-036",
    level="MUST",
    section="5",
    feature="core",
    profile="core",
    text="A name that is none of the service's channels is INVALID_CHANNEL in every request about channels.",
)
async def test_invalid_channel(connect: Connect, node: Node) -> None:
    client = await connect(permissions=["admin"])
    names = ["", ":", "no:such", "nowhere", "GLOBAL", "global ", "global:x", " ", "../global"]
    kinds = [each["kind"] for each in (await node.well_known())["channels"]]
    for channel in [*names, *(kind for kind in kinds if kind.endswith(":"))]:
        for request in await node.channel_requests():
            refused = await client.refusal(request, {"channel": channel})
            assert refused.error_code == "INVALID_CHANNEL", f"{request} of {channel!r}: {refused!r}"


@clause(
    "PROTOCOL-037",
    level="MUST",
    section="5",
    feature="core",
    profile="core",
    text="Every kind of channel that a service claims can be subscribed to, and has offsets if it is persisted.",
)
async def test_claimed_channels(connect: Connect, node: Node, sample: RequestSamples) -> None:
    claimed = {each["kind"]: each["persisted"] for each in (await node.well_known())["channels"]}
    examples = sample.channels()
    assert set(claimed) == set(examples), "the service claims other channels than the protocol names"
    client = await connect()
    for kind, channel in examples.items():
        joined = await client.subscribe(channel)
        assert ("offset" in joined.data, "epoch" in joined.data) == (claimed[kind], claimed[kind]), f"{channel}"


@clause(
    "PROTOCOL-038",
    level="MUST",
    section="3",
    feature="core",
    profile="core",
    text="A question about what does not exist is NOT_FOUND.",
)
async def test_not_found(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    assert (await client.refusal(*sample.not_found())).error_code == "NOT_FOUND"
    assert (await client.refusal(*sample.readback().call)).error_code == "NOT_FOUND"
    await client.answer(*sample.command())
    sample.readback().check(await client.answer(*sample.readback().call))


@clause(
    "PROTOCOL-039",
    level="MUST",
    section="3",
    feature="core",
    profile="core",
    text="Wrong data is INVALID_DATA and names the field; nothing is recorded of it.",
)
async def test_invalid_data_names_the_field(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    await client.subscribe("global")
    event, data = sample.invalid()
    refused = await client.refusal(event, data)
    assert refused.error_code == "INVALID_DATA"
    field = refused.data.get("field")
    assert isinstance(field, str), f"no field is named: {refused!r}"
    assert field, f"no field is named: {refused!r}"
    empty = await client.refusal(event, {})
    assert (empty.error_code, bool(empty.data.get("field"))) == ("INVALID_DATA", True), f"{empty!r}"
    assert not [e for e in await client.fence() if sample.concerns(e, "invalid")]
