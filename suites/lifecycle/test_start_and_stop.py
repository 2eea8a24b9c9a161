"""Start, many connections, and an orderly end (7)."""

import asyncio
import socket
import time

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually, units
from bodhisattva.fixtures.fixture_types import AllowTime, Connect, Fresh
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.stack.node import Node

GOING_AWAY = 1001
MARGIN = 3.0
CONNECTIONS = 20


def _free(node: Node) -> bool:
    """Whether the port can be listened on; what is left of closed connections does not matter."""
    try:
        socket.create_server((node.host, node.port)).close()
    except OSError:
        return False
    return True


@clause(
    "LIFECYCLE-001",
    level="MUST",
    section="7",
    feature="core",
    profile="operable",
    text="A service that was started answers that it is alive and ready, names itself, and takes connections.",
    baseline="TestServiceLifecycle::service_starts_and_listens",
)
async def test_service_starts_and_serves(fresh: Fresh, connect: Connect, sample: RequestSamples, service: str) -> None:
    node = await fresh(cold=True)
    for path in ("/health", "/ready"):
        assert (await node.http(path)).status == 200, f"{path} is not 200"
    assert (await node.well_known())["service"] == service
    client = await connect(node)
    await client.answer(*sample.command())
    sample.readback().check(await client.answer(*sample.readback().call))


@clause(
    "LIFECYCLE-002",
    level="MUST",
    section="7",
    feature="drain",
    profile="operable",
    text="SIGTERM closes every connection with 1001 and ends the process with 0 within the drain timeout; its port is "
    "free then, and the service starts again on it.",
    baseline="TestServiceLifecycle::service_stops_gracefully",
)
async def test_service_stops_gracefully(
    fresh: Fresh, connect: Connect, sample: RequestSamples, allow_time: AllowTime
) -> None:
    node = await fresh(cold=True)
    bound = (await node.limits())["drain_timeout"]
    allow_time(2 * bound)
    clients = [await connect(node) for _ in range(3)] + [await connect(node, authenticate=False)]
    begun = time.monotonic()
    await node.terminate()
    for client in clients:
        assert (await client.closed(bound + MARGIN)).code == GOING_AWAY
    assert await node.exited(bound + MARGIN) == 0
    assert time.monotonic() - begun < bound + units(MARGIN)
    await eventually(lambda: _free(node), "the port is free", 1)
    await node.start()
    again = await connect(node)
    await again.answer(*sample.command())


@clause(
    "LIFECYCLE-003",
    level="MUST",
    section="2",
    feature="core",
    profile="core",
    text="Many connections at the same time are each served by themselves, and one that is cut disturbs no other.",
    baseline="TestServiceLifecycle::service_handles_multiple_connections",
)
async def test_service_handles_multiple_connections(node: Node, connect: Connect, sample: RequestSamples) -> None:
    clients = await asyncio.gather(*(connect(user=f"user-{n}") for n in range(CONNECTIONS)))
    welcomes = [client.welcome.data for client in clients if client.welcome is not None]
    assert len({welcome["connection_id"] for welcome in welcomes}) == CONNECTIONS
    cut, rest = clients[::4], [n for n in range(CONNECTIONS) if n % 4]
    for client in cut:
        await client.abort()
    answers = await asyncio.gather(*(clients[n].answer(*sample.command(n)) for n in rest))
    assert len({answer.id for answer in answers}) == len(rest)
    for n in rest:
        back = sample.readback(n)
        back.check(await clients[n].answer(*back.call))
        assert clients[n].ended is None
