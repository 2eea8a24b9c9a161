"""Running servers until a signal says stop (contract 7)."""

import asyncio
import signal
from collections.abc import Sequence

from bodhisattva.servers.core.server import Server


async def serve(servers: Sequence[Server]) -> None:
    """Start all, then wait: SIGTERM or SIGINT drains, a second one stops at once, SIGHUP reloads."""
    loop = asyncio.get_running_loop()
    stop, stop_now = asyncio.Event(), asyncio.Event()

    def terminate() -> None:
        (stop_now if stop.is_set() else stop).set()

    def reload() -> None:
        for server in servers:
            server.reload()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, terminate)
    loop.add_signal_handler(signal.SIGHUP, reload)
    started: list[Server] = []
    try:
        for server in servers:
            await server.start()
            started.append(server)
        await stop.wait()
        await _drain(started, stop_now)
    finally:
        for server in started:
            await server.stop()


async def _drain(servers: Sequence[Server], stop_now: asyncio.Event) -> None:
    draining = asyncio.ensure_future(_drain_all(servers))
    hurry = asyncio.ensure_future(stop_now.wait())
    await asyncio.wait([draining, hurry], return_when=asyncio.FIRST_COMPLETED)
    draining.cancel()
    hurry.cancel()
    await asyncio.gather(draining, hurry, return_exceptions=True)


async def _drain_all(servers: Sequence[Server]) -> bool:
    await asyncio.gather(*(server.drain() for server in servers))
    return True
