"""The published client gets the events of its rooms (1.3, 5)."""

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clause_fixtures import token_for
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.suites.interop.client_factories import OpenPublished
from bodhisattva.suites.interop.peer_process import PeerProcess

COUNT = 10


@clause(
    "INTEROP-020",
    level="MUST",
    section="1.3",
    feature="core",
    profile="interop",
    text="A published client that subscribes to a room gets every event of it, once and in order.",
)
async def test_receives_events(published: OpenPublished, connect: Connect, sample: RequestSamples) -> None:
    """It subscribes by `type: event`, event `subscribe`, and the channel as `room`."""
    series = sample.sequence(count=COUNT)
    client, writer = await published(handle=[series.event]), await connect()
    await client.subscribe(series.channel)
    for call in (*series.setup, *series.calls):
        await writer.answer(*call)
    await client.wait_for_event(series.event, lambda e: sample.concerns(e) and series.number(e) == COUNT - 1)
    await client.fence()
    received = await client.received(series.event, sample.concerns)
    assert [series.number(event) for event in received] == list(range(COUNT))
    assert await client.warnings() == []


@clause(
    "INTEROP-021",
    level="MUST",
    section="5",
    feature="core",
    profile="interop",
    text="A published client that subscribes to global gets the events of every channel of the service.",
)
async def test_receives_global(published: OpenPublished, connect: Connect, sample: RequestSamples) -> None:
    client, writer = await published(handle=sample.records), await connect()
    await client.subscribe("global")
    for n in range(3):
        await writer.answer(*sample.command(n))
    for n in range(3):
        for event in sample.records:
            await client.wait_for_event(event, lambda e, n=n: sample.concerns(e, n))  # type: ignore[misc]
    assert await client.warnings() == []


@clause(
    "INTEROP-022",
    level="MUST",
    section="1.3",
    feature="core",
    profile="interop",
    text="A published client that unsubscribes from a room gets no more of its events.",
)
async def test_unsubscribes(published: OpenPublished, connect: Connect, sample: RequestSamples) -> None:
    series = sample.sequence(count=2)
    client, writer = await published(handle=[series.event]), await connect()
    await client.subscribe(series.channel)
    for call in (*series.setup, series.calls[0]):
        await writer.answer(*call)
    await client.wait_for_event(series.event, sample.concerns)
    await client.unsubscribe(series.channel)
    await writer.answer(*series.calls[1])
    await client.fence()
    received = await client.received(series.event, sample.concerns)
    assert [series.number(event) for event in received] == [0]


@clause(
    "INTEROP-023",
    level="MUST",
    section="1.3",
    feature="core",
    profile="interop",
    text="What the published client sends and a service refuses does no harm: a room that there is not, one that "
    "its user may not enter, and an event that no server takes leave it connected and in its other room.",
)
async def test_survives_refusals(
    node: Node, published: OpenPublished, connect: Connect, sample: RequestSamples
) -> None:
    """It never shows the answer to a subscription or to an event that it sends; a refused room stays in its list."""
    client, writer = await published(handle=[sample.event]), await connect()
    stranger = await published(token=token_for(node, "stranger", ["elsewhere:read"]), handle=[sample.event])
    await client.subscribe("nonsense")
    await client.send("no_such_event", {"value": 1})
    await client.subscribe(sample.channel())
    await stranger.subscribe(sample.channel())
    await writer.answer(*sample.command())
    await client.wait_for_event(sample.event, sample.concerns)
    await stranger.fence()
    assert await stranger.received(sample.event, sample.concerns) == []
    assert await client.warnings() == []


@clause(
    "INTEROP-024",
    level="MUST",
    section="8",
    feature="core",
    profile="interop",
    text="The events that a service's commands record have the names for which the published client has constants.",
    services=("mahavishnu", "session-buddy", "crackerjack", "dhruva", "excalidraw"),
)
async def test_names_are_known(published: OpenPublished, peer_process: PeerProcess, sample: RequestSamples) -> None:
    """It has none for fastblocks, nor for akosha's taking in of points."""
    known = await peer_process.do("names")
    assert set(sample.records) <= set(known), f"{sample.records} are not all among {known}"
    client = await published(handle=sample.records)
    await client.subscribe("global")
    await client.answer(*sample.command())
    for event in sample.records:
        await client.wait_for_event(event, sample.concerns)
