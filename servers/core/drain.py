"""The end of a server's connections (protocol 7): announce it, answer what is under way, close 1001."""

import asyncio
import random
from collections.abc import Collection

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.config import Timeouts
from bodhisattva.servers.core.connections.registry import ConnectionRegistry
from bodhisattva.servers.core.transport.websocket import CLOSE_TIMEOUT

GOING_AWAY = 1001
STOPPING = "Server is stopping"
MARGIN = 0.25  # seconds of the drain timeout that are left for freeing everything
_ANSWERING = 0.5  # of the time for closing: requests are still answered, but no new one is taken


async def drain(connections: ConnectionRegistry, timeouts: Timeouts) -> None:
    """Close every connection within `timeouts.drain` seconds, however slow its client is."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    _announce(connections, timeouts.reconnect_spread)
    limit = timeouts.drain
    closing = min(CLOSE_TIMEOUT + MARGIN, limit / 3)
    settled_by = started + max(0.0, limit - closing - MARGIN)
    await asyncio.sleep(min(timeouts.drain_grace, settled_by - started))
    finishing = [asyncio.ensure_future(each.close_when_idle(GOING_AWAY, STOPPING)) for each in connections]
    await _wait(finishing, settled_by)
    for connection in connections:  # nothing more is taken of a client that never pauses, so that all is answered
        connection.drain(GOING_AWAY, STOPPING)
    await _wait(finishing, settled_by + closing * _ANSWERING)
    for task in finishing:
        task.cancel()
    closers = [each.close(GOING_AWAY, STOPPING) for each in connections]
    await _wait(closers, min(loop.time() + closing, started + limit - MARGIN))


def _announce(connections: ConnectionRegistry, spread: float) -> None:
    """Name each client a pause of its own, up to `spread` seconds, so that not all come back at once."""
    for connection in connections:
        pause = random.uniform(0, spread)  # noqa: S311
        connection.notify(envelope.event("server.draining", {"reconnect_after": round(pause, 3)}))


async def _wait(tasks: "Collection[asyncio.Future[None]]", until: float) -> None:
    """Wait for all, but no longer than until a time of the loop's clock."""
    if tasks:
        await asyncio.wait(tasks, timeout=max(0.0, until - asyncio.get_running_loop().time()))
