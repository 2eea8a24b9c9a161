"""Running servers until a signal says stop (contract 7)."""

import asyncio
import signal
from collections.abc import Sequence

from bodhisattva.servers.core.server import Server
from bodhisattva.servers.core.telemetry import logs


async def serve(servers: Sequence[Server]) -> None:
    """Start all, then wait: SIGTERM or SIGINT drains, a second one stops at once, SIGHUP reloads."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(logs.loop_failure)
    stop, stop_now = asyncio.Event(), asyncio.Event()

    def terminate() -> None:
        (stop_now if stop.is_set() else stop).set()

    def reload() -> None:
        for server in servers:
            server.reload()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, terminate)
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        for server in servers:
            if not stop.is_set():
                await server.prepare()
        if not stop.is_set():
            for server in servers:
                await server.open()
            await stop.wait()
            await _drain(servers, stop_now)
    finally:
        await asyncio.gather(*(server.stop() for server in servers))


async def _drain(servers: Sequence[Server], stop_now: asyncio.Event) -> None:
    """Drain all at the same time; a second signal ends it."""
    draining = asyncio.ensure_future(_drain_all(servers))
    hurry = asyncio.ensure_future(stop_now.wait())
    await asyncio.wait([draining, hurry], return_when=asyncio.FIRST_COMPLETED)
    hurry.cancel()
    if draining.done():
        draining.result()
    draining.cancel()
    await asyncio.gather(draining, hurry, return_exceptions=True)


async def _drain_all(servers: Sequence[Server]) -> bool:
    await asyncio.gather(*(server.drain() for server in servers))
    return True
