"""Running servers until a signal says stop (protocol 7)."""

import asyncio
import gc
import os
import signal
from collections.abc import Coroutine, Sequence
from typing import Any

import structlog

from bodhisattva.servers.core.server import Server
from bodhisattva.servers.core.telemetry import logs
from bodhisattva.servers.core.work import ended

_AT_ONCE = 0.5
_MANY = 20_000
"""Objects that are made before their garbage is looked for: a message of 1 MiB may hold 500 000 lists."""
_SELDOM = 20


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
        if await _unless(stop, _prepare(servers)):
            _look_for_garbage_seldom()
            for server in servers:
                await server.open()
            await stop.wait()
            over = loop.time() + max(server.config.timeouts.drain for server in servers) - 2 * _AT_ONCE
            await _unless(stop_now, _drain(servers))
            loop.call_at(over, stop_now.set)
        else:
            structlog.get_logger().info("stopped before it had started")
    finally:
        await _free(servers, stop_now)


def _look_for_garbage_seldom() -> None:
    """Each look holds the loop up, the longer the more there is; what is there by now stays and is not looked at."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_MANY, _SELDOM, _SELDOM)


async def _free(servers: Sequence[Server], stop_now: asyncio.Event) -> None:
    """Let go of everything; to stop at once is to leave behind what takes long, as a store that does not answer."""
    freeing, hurry = asyncio.ensure_future(_stop(servers)), asyncio.ensure_future(stop_now.wait())
    await asyncio.wait([freeing, hurry], return_when=asyncio.FIRST_COMPLETED)
    hurry.cancel()
    if not freeing.done():
        await asyncio.wait([freeing], timeout=_AT_ONCE)
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


async def _unless(told: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work until the event comes, which ends it; whether it was done before. Raises what the work raises."""
    doing, waiting = asyncio.ensure_future(work), asyncio.ensure_future(told.wait())
    await asyncio.wait([doing, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if doing.done():
        doing.result()
    await ended(doing)
    return not told.is_set()
