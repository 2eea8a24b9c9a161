"""Running servers until a signal stops them (protocol 7)."""

import asyncio
import gc
import os
import signal
from collections.abc import Coroutine, Sequence
from typing import Any

import structlog

from bodhisattva.servers.core.server import Server
from bodhisattva.servers.core.supervisor import cancelled
from bodhisattva.servers.core.telemetry import logs

_GRACE = 0.5  # seconds for freeing everything, once an immediate stop was requested
_YOUNG = 20_000
"""Objects made before the garbage collector looks at the young: a message of 1 MiB may hold 500 000 lists."""
_OLD = 20


async def serve(servers: Sequence[Server]) -> None:
    """Start all, then wait: SIGTERM or SIGINT drains, or ends a start; a second one stops at once, SIGHUP reloads."""
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
        if await _run_unless(stop, _prepare(servers)):
            _tune_garbage_collector()
            for server in servers:
                await server.open()
            await stop.wait()
            deadline = loop.time() + max(server.config.timeouts.drain for server in servers) - 2 * _GRACE
            await _run_unless(stop_now, _drain(servers))
            loop.call_at(deadline, stop_now.set)
        else:
            structlog.get_logger().info("stopped before it had started")
    finally:
        await _free(servers, stop_now)


def _tune_garbage_collector() -> None:
    """A collection pauses the loop, the longer the more objects there are: run few, and none over what is there now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _OLD, _OLD)


async def _free(servers: Sequence[Server], stop_now: asyncio.Event) -> None:
    """Free everything; a stop at once gives up on what takes long, such as a store that does not answer."""
    freeing, interrupt = asyncio.ensure_future(_stop(servers)), asyncio.ensure_future(stop_now.wait())
    await asyncio.wait([freeing, interrupt], return_when=asyncio.FIRST_COMPLETED)
    interrupt.cancel()
    if not freeing.done():
        await asyncio.wait([freeing], timeout=_GRACE)
    if not freeing.done():
        structlog.get_logger().warning("stopped at once, without letting go of everything")
        os._exit(0)
    freeing.result()


async def _stop(servers: Sequence[Server]) -> None:
    await asyncio.gather(*(server.stop() for server in servers))


async def _prepare(servers: Sequence[Server]) -> None:
    for server in servers:
        await server.prepare()


async def _drain(servers: Sequence[Server]) -> None:
    """All at the same time."""
    await asyncio.gather(*(server.drain() for server in servers))


async def _run_unless(interrupt: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Run `work` until it returns, or `interrupt` is set, which cancels it: then False. Raises what `work` raises."""
    working, waiting = asyncio.ensure_future(work), asyncio.ensure_future(interrupt.wait())
    await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if working.done():
        working.result()
    await cancelled(working)
    return not interrupt.is_set()
