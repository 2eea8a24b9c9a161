"""What is commanded at one replica is known at the others: in one order, and done once (1.2, 5)."""

import asyncio
import uuid
from collections.abc import Sequence

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.upgrade.event_history import read_history

COMMANDS = 10
RACES = 10


async def _own(client: WireClient, sample: RequestSamples, count: int) -> list[Envelope]:
    """The first events on `global` that are about the test, as far as they go."""
    numbers = range(count)
    return await client.events(count, room="global", where=lambda e: any(sample.concerns(e, n) for n in numbers))


def _positions(events: Sequence[Envelope]) -> list[tuple[str | None, int | None, str]]:
    return [(event.epoch, event.offset, event.id) for event in events]


@clause(
    "REPLICAS-001",
    level="MUST",
    section="5",
    feature="replicas",
    profile="scaled",
    text="A client at one replica gets the events of commands at any, in the same order as every client, with the "
    "same epoch and with offsets that rise by exactly one.",
)
async def test_all_replicas_deliver_the_same(node: Node, other: Node, connect: Connect, sample: RequestSamples) -> None:
    clients = [await connect(node), await connect(other)]
    subscribers = [await connect(node), await connect(other)]
    joined = [(await each.subscribe("global")).data for each in subscribers]
    for n in range(COMMANDS):
        await clients[n % 2].answer(*sample.command(n))
    here, there = [await _own(each, sample, COMMANDS * len(sample.records)) for each in subscribers]
    assert _positions(here) == _positions(there), "the replicas deliver different events"
    assert {event.epoch for event in here} == {first["epoch"] for first in joined}
    for subscriber, first in zip(subscribers, joined, strict=True):
        received = [e.offset for e in here if e.offset is not None]
        others = [e.offset for e in subscriber.inbox if e.room == "global" and e.offset is not None]
        upto = range(first["offset"] + 1, max(received) + 1)
        assert sorted({*received, *(offset for offset in others if offset in upto)}) == list(upto)


@clause(
    "REPLICAS-002",
    level="MUST",
    section="5",
    feature="replicas",
    profile="scaled",
    text="A position received at one replica resumes at another: all later events follow, once each, and then the "
    "live ones.",
)
async def test_position_resumes_elsewhere(node: Node, other: Node, connect: Connect, sample: RequestSamples) -> None:
    series = sample.sequence(count=COMMANDS)
    writer, subscriber = await connect(node), await connect(node)
    for call in series.setup:
        await writer.answer(*call)
    await subscriber.subscribe(series.channel)
    for call in series.calls[:3]:
        await writer.answer(*call)
    received = [await _next(subscriber, sample, series.channel, series.event) for _ in range(3)]
    await subscriber.close()
    for call in series.calls[3:-1]:
        await writer.answer(*call)
    returned = await connect(other)
    joined = await returned.subscribe(
        series.channel, since={"epoch": received[-1].epoch, "offset": received[-1].offset}
    )
    assert joined.data["recovered"] is True, f"the other replica does not know the position: {joined.data}"
    await writer.answer(*series.calls[-1])
    later = [await _next(returned, sample, series.channel, series.event) for _ in range(COMMANDS - 3)]
    assert [series.number(event) for event in later] == list(range(3, COMMANDS))
    assert {event.epoch for event in later} == {received[0].epoch}


async def _next(client: WireClient, sample: RequestSamples, channel: str, event: str) -> Envelope:
    return await client.event(event, room=channel, where=sample.concerns)


@clause(
    "REPLICAS-003",
    level="MUST",
    section="5",
    feature="replicas",
    profile="scaled",
    text="A query at one replica sees every command that any had answered before it was sent.",
)
async def test_query_sees_what_another_answered(
    node: Node, other: Node, connect: Connect, sample: RequestSamples
) -> None:
    clients = [await connect(node), await connect(other)]
    for n in range(COMMANDS):
        await clients[n % 2].answer(*sample.command(n))
        back = sample.readback(n)
        back.check(await clients[(n + 1) % 2].answer(*back.call))


@clause(
    "REPLICAS-004",
    level="MUST",
    section="1.2",
    feature="replicas",
    profile="scaled",
    text="A command that is sent again at another replica, afterwards or at the same time, is given the first answer "
    "and done once.",
)
async def test_repeated_elsewhere_is_done_once(
    node: Node, other: Node, connect: Connect, sample: RequestSamples
) -> None:
    clients = [await connect(node), await connect(other)]
    name = str(uuid.uuid4())
    first = await clients[0].answer(*sample.command("after"), id=name)
    again = await clients[1].answer(*sample.command("after"), id=name)
    assert again.data == first.data
    numbers = [f"race-{n:02}" for n in range(RACES)]
    for n in numbers:
        name = str(uuid.uuid4())
        one, two = await asyncio.gather(*(client.answer(*sample.command(n), id=name) for client in clients))
        assert one.data == two.data
    for n in ("after", *numbers):
        done = await asyncio.gather(*(_done(client, sample, n) for client in clients))
        assert done[0] == done[1], f"command {n} was done at each replica"
        assert len(done[0]) == 1, f"command {n} was done {len(done[0])} times"


async def _done(client: WireClient, sample: RequestSamples, n: str) -> list[object]:
    """The ids of the events that the command left on its channel."""
    events = await read_history(client, sample.channel(n))
    return [each["id"] for each in events if each["event"] == sample.event and sample.key(n) in str(each["data"])]


@clause(
    "REPLICAS-005",
    level="MUST",
    section="8",
    feature="replicas",
    profile="scaled",
    text="Of compare-and-sets at several replicas that expect the same version, exactly one wins; the others are "
    "CONFLICT and change nothing.",
    services=("fastblocks",),
)
async def test_compare_and_set_has_one_winner(
    node: Node, other: Node, connect: Connect, sample: RequestSamples
) -> None:
    clients = [await connect(each) for each in (node, other, node, other)]
    path = sample.key()
    for version in range(RACES):
        answers = await asyncio.gather(
            *(
                client.request("set_state", {"state_path": path, "value": number, "expected_version": version})
                for number, client in enumerate(clients)
            )
        )
        won = [number for number, answer in enumerate(answers) if answer.type == "response"]
        assert len(won) == 1, f"{len(won)} of {len(answers)} set version {version + 1}"
        assert {answer.error_code for answer in answers if answer.type == "error"} == {"CONFLICT"}
        for client in clients:
            state = (await client.answer("get_state", {"state_path": path})).data
            assert (state["value"], state["version"]) == (won[0], version + 1)


@clause(
    "REPLICAS-006",
    level="MUST",
    section="5",
    feature="replicas",
    profile="scaled",
    text="What can be made only once is made once, however many replicas get the command at the same time; for the "
    "others it is CONFLICT.",
    services=("mahavishnu", "session-buddy", "crackerjack", "excalidraw"),
)
async def test_creation_has_one_winner(node: Node, other: Node, connect: Connect, sample: RequestSamples) -> None:
    clients = [await connect(each) for each in (node, other, node, other)]
    for n in range(RACES):
        answers = await asyncio.gather(*(client.request(*sample.command(n)) for client in clients))
        made = sum(answer.type == "response" for answer in answers)
        assert made == 1, f"{made} of {len(answers)} made the same"
        assert {answer.error_code for answer in answers if answer.type == "error"} == {"CONFLICT"}
