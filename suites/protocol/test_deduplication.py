"""A command under the id of an earlier one is not executed again (1.2)."""

import asyncio
import json
import uuid

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.protocol.event_series import perform


async def recorded(client: WireClient, sample: RequestSamples, n: object = 0) -> int:
    """How many events of the sample's command the channel holds."""
    query = {"channel": sample.channel(n), "limit": 1000}
    newest = (await client.answer("history", {**query, "limit": 1})).data["offset"]
    held = (await client.answer("history", {**query, "after": max(0, newest - 1000)})).data["events"]
    return sum(event["event"] == sample.event and sample.key(n) in str(event["data"]) for event in held)


@clause(
    "PROTOCOL-050",
    level="MUST",
    section="1.2",
    feature="deduplication",
    profile="durable",
    text="A command that is sent again under its id, over another connection too, is given the first answer and done "
    "once.",
)
async def test_repeated_command_is_done_once(connect: Connect, sample: RequestSamples) -> None:
    client, other = await connect(), await connect()
    name = str(uuid.uuid4())
    first = await client.answer(*sample.command(), id=name)
    for again in (client, other):
        repeated = await again.answer(*sample.command(), id=name)
        assert (repeated.data, repeated.event) == (first.data, first.event)
    assert await recorded(other, sample) == 1


@clause(
    "PROTOCOL-051",
    level="MUST",
    section="1.2",
    feature="deduplication",
    profile="durable",
    text="One command sent at the same time over many connections is done once, and answered to each.",
)
async def test_concurrent_repeats_are_done_once(connect: Connect, sample: RequestSamples) -> None:
    clients = [await connect() for _ in range(6)]
    name = str(uuid.uuid4())
    answers = await asyncio.gather(*(client.answer(*sample.command(), id=name) for client in clients))
    assert all(answer.data == answers[0].data for answer in answers)
    assert await recorded(clients[0], sample) == 1


@clause(
    "PROTOCOL-052",
    level="MUST",
    section="1.2",
    feature="deduplication",
    profile="durable",
    text="Ids are each user's own: another user's command under the same id is another command.",
)
async def test_ids_are_each_users_own(connect: Connect, node: Node, sample: RequestSamples) -> None:
    ann, bob = await connect(user="ann"), await connect(user="bob")
    name = str(uuid.uuid4())
    await ann.answer(*sample.command(1), id=name)
    await bob.answer(*sample.command(2), id=name)
    for n in (1, 2):
        sample.readback(n).check(await ann.answer(*sample.readback(n).call))


@clause(
    "PROTOCOL-053",
    level="MUST",
    section="1.2",
    feature="durable",
    profile="durable",
    text="A command that was answered is not done again when it is repeated after a crash of the service.",
)
async def test_repeat_after_a_crash_is_done_once(connect: Connect, fresh: Fresh, sample: RequestSamples) -> None:
    node = await fresh()
    name = str(uuid.uuid4())
    first = await (await connect(node)).answer(*sample.command(), id=name)
    await node.restart(kill=True)
    back = await connect(node)
    assert (await back.answer(*sample.command(), id=name)).data == first.data
    assert await recorded(back, sample) == 1


@clause(
    "PROTOCOL-054",
    level="MUST",
    section="1.2",
    feature="deduplication",
    profile="durable",
    text="A refusal is an answer too: a refused command is refused again under its id, even if it would do now.",
    services=("mahavishnu", "session-buddy", "crackerjack", "excalidraw"),
)
async def test_refusal_is_repeated(connect: Connect, sample: RequestSamples) -> None:
    client, other = await connect(), await connect()
    series = sample.sequence(count=1)
    name = str(uuid.uuid4())
    first = await client.refusal(*series.calls[0], id=name)
    await perform(client, series.setup)
    for again in (client, other):
        repeated = await again.refusal(*series.calls[0], id=name)
        assert (repeated.error_code, repeated.data) == (first.error_code, first.data)
    await client.answer(*series.calls[0])


@clause(
    "PROTOCOL-055",
    level="MUST",
    section="1.2",
    feature="ephemeral",
    profile="live",
    text="A command that only makes an ephemeral event is not done again under its id either.",
    services=("excalidraw",),
)
async def test_repeated_ephemeral_command_is_done_once(connect: Connect, sample: RequestSamples) -> None:
    ephemeral = sample.ephemeral()
    assert ephemeral is not None
    writer, client = await connect(), await connect()
    await perform(writer, ephemeral.setup)
    await client.subscribe(ephemeral.channel)
    name = str(uuid.uuid4())
    for _ in range(2):
        await writer.answer(*ephemeral.call, id=name)
    received = [e for e in await client.settled(1, lambda e: e.event == ephemeral.event) if e.event == ephemeral.event]
    assert len(received) == 1, f"done {len(received)} times"


@clause(
    "PROTOCOL-056",
    level="MUST",
    section="1.2",
    feature="deduplication",
    profile="durable",
    text="What comes under the id of an earlier command is that command, whatever it holds: other data is not "
    "executed, and gets the first answer.",
)
async def test_other_command_under_the_same_id_is_not_done(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    name = str(uuid.uuid4())
    first = await client.answer(*sample.command(1), id=name)
    assert (await client.answer(*sample.command(2), id=name)).data == first.data
    assert (await client.refusal(*sample.readback(2).call)).error_code == "NOT_FOUND", "other data was executed"


@clause(
    "PROTOCOL-057",
    level="MUST",
    section="1.2",
    feature="deduplication",
    profile="durable",
    text="Ids are compared by every character, whatever their length and their script.",
)
async def test_ids_are_compared_whole(connect: Connect, node: Node, sample: RequestSamples) -> None:
    client, other = await connect(), await connect()
    salt = str(uuid.uuid4())
    piece = "\N{SNOWMAN}\x00\N{GRINNING FACE}"
    room = (await node.limits())["message_bytes"] // 4
    long = salt + piece * min(10_000, room // len(json.dumps(piece)))
    names = [f"{long}a", f"{long}b", f"{salt}É", f"{salt}E\N{COMBINING ACUTE ACCENT}"]
    answers = [await client.answer(*sample.command(n), id=name) for n, name in enumerate(names)]
    for n, name in enumerate(names):
        sample.readback(n).check(await client.answer(*sample.readback(n).call))
        assert (await other.answer(*sample.command(n), id=name)).data == answers[n].data
        assert await recorded(client, sample, n) == 1


@clause(
    "PROTOCOL-154",
    level="SHOULD",
    section="1.2",
    feature="deduplication",
    profile="durable",
    text="A connection that repeats the join of one that ended, under its id, is there as it was.",
    services=("excalidraw",),
)
async def test_repeated_join_joins_the_connection_that_sent_it(connect: Connect, sample: RequestSamples) -> None:
    client, other = await connect(), await connect()
    joining = {"diagram_id": sample.key(), "name": "Ada"}
    await client.answer("create_diagram", {"diagram_id": sample.key()})
    name = str(uuid.uuid4())
    await client.answer("join_diagram", joining, id=name)
    await client.close()
    await other.answer("join_diagram", joining, id=name)
    members = (await other.answer("presence", {"channel": f"presence:{sample.key()}"})).data["members"]
    assert len(members) == 1, f"{len(members)} members after the answer to a join: {members}"
