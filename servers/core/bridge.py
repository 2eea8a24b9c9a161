"""A standing subscription to another service, exactly once in effect (contract 8, bridges).

What an event means here is recorded in one entry with its position in the source, so a restart goes on after the
last event that took effect: none is lost, none counts twice.
"""

import asyncio

from bodhisattva.servers.client import Client, ClientError, Discontinuity, Event, GapDetected, Position
from bodhisattva.servers.core.deduplication import Outcome
from bodhisattva.servers.core.domain import Decision, State
from bodhisattva.servers.core.engine import Engine
from bodhisattva.servers.core.errors import ErrorCode
from bodhisattva.servers.core.host import Host
from bodhisattva.servers.core.log import base
from bodhisattva.servers.core.service import Bridge, ForeignEvent

_PAUSE = 1.0


async def run(bridge: Bridge, engine: Engine, host: Host) -> None:
    """Follow the source until cancelled; whatever fails is tried again from the stored position."""
    while True:
        try:
            await _follow(bridge, engine, host)
        except (ClientError, OSError, TimeoutError) as error:
            host.log.warning("bridge interrupted", source=bridge.source, reason=str(error))
        await asyncio.sleep(_PAUSE)


async def _follow(bridge: Bridge, engine: Engine, host: Host) -> None:
    client = await host.peer(bridge.source)
    since = await _start(bridge, client, host)
    async with client.subscribe(bridge.channel, since=since) as events:
        host.log.info("bridge follows", source=bridge.source, since=str(since))
        while True:
            try:
                event = await anext(events)
            except Discontinuity as broken:
                host.log.error("bridge missed events of its source", source=bridge.source, reason=str(broken))
                if isinstance(broken, GapDetected) or broken.at.epoch != broken.before.epoch:
                    return
                continue
            except StopAsyncIteration:
                return
            await _take_in(bridge, engine, host, event)


async def _start(bridge: Bridge, client: Client, host: Host) -> Position:
    """After what took effect here last, or from the beginning of a log of which nothing did yet."""
    epoch = (await client.head(bridge.channel)).epoch
    stored = host.position(bridge.source)
    return Position(*stored) if stored is not None and stored[0] == epoch else Position(epoch, 0)


async def _take_in(bridge: Bridge, engine: Engine, host: Host, event: Event) -> None:
    """Record the event's effect, waiting out a store that is unavailable.

    A write that seemed to fail may have succeeded: then the position, read back, says that the effect is there.
    """
    if event.position is None:
        return
    position = base.Position(bridge.source, event.position.epoch, event.position.offset)
    foreign = ForeignEvent(bridge.source, event.name, event.data, event.timestamp)

    def decide(state: State) -> Decision:
        return bridge.react(state, foreign, host.context())

    while not _has_taken_effect(position, host):
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        engine.react(decide, position, answered.set_result)
        outcome = await answered
        if outcome.code is None:
            return
        if outcome.code is not ErrorCode.UNAVAILABLE:
            host.log.error("bridge cannot take an event in", event=event.name, code=outcome.code.value)
            return
        await asyncio.sleep(_PAUSE)


def _has_taken_effect(position: base.Position, host: Host) -> bool:
    stored = host.position(position.source)
    return stored is not None and stored[0] == position.epoch and stored[1] >= position.offset
