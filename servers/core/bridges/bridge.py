"""A standing subscription to another service, exactly once in effect (protocol 8, bridges).

What an event means here is recorded in one entry with its position in the source, so a restart goes on after the
last event that took effect: none is lost, none counts twice. The ids of events tell where that is in a log that was
replaced (see `marks`), even by one of the same epoch, so the bridge looks at each connection. What the source no longer
holds is said aloud.
"""

import asyncio
from contextlib import AbstractContextManager, nullcontext

from bodhisattva.servers.client import ClientError, Discontinuity, Event, Position, Reconnected
from bodhisattva.servers.core.bridges import bearings, marks
from bodhisattva.servers.core.bridges.bearings import Bearings
from bodhisattva.servers.core.domain import Decision, State
from bodhisattva.servers.core.engine.deduplication import Outcome, answering
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.errors import ErrorCode
from bodhisattva.servers.core.log import base
from bodhisattva.servers.core.runtime import ServiceRuntime
from bodhisattva.servers.core.service import Bridge, ForeignEvent
from bodhisattva.servers.core.supervisor import cancelled

_PAUSE = 1.0


async def run(bridge: Bridge, engine: Engine, host: ServiceRuntime) -> None:
    """Follow the source until cancelled; whatever fails is tried again from the stored position."""
    crossing = _Crossing(bridge, engine, host)
    while True:
        try:
            await crossing.follow()
        except Reconnected:
            continue
        except Discontinuity as broken:
            crossing.log.warning("bridge takes its bearings anew", reason=str(broken))
        except (ClientError, OSError, TimeoutError) as error:
            crossing.log.warning("bridge interrupted", reason=str(error))
        await asyncio.sleep(_PAUSE)


class _Crossing:
    """One bridge at work."""

    def __init__(self, bridge: Bridge, engine: Engine, host: ServiceRuntime) -> None:
        self.log = host.log.bind(source=bridge.source)
        self._bridge = bridge
        self._engine = engine
        self._host = host
        self._metrics = host.metrics.bridges
        self._waiting = 0
        self._basis: base.Position | None = None
        self._lost_before: Position | None = None

    @property
    def _stored(self) -> base.Position | None:
        return self._host.position(self._bridge.source)

    async def follow(self) -> None:
        """Take in what the source says, until the own log loses what was taken in, and it has to be heard again."""
        reading = asyncio.ensure_future(self._read())
        lost = asyncio.ensure_future(self._host.log_lost())
        try:
            await asyncio.wait({reading, lost}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancelled(reading, lost)
        if not reading.cancelled():
            reading.result()

    async def _read(self) -> None:
        """Over one connection: at the next, the source's log may be another.

        Discontinuity where its events do not follow on from one another.
        """
        await self._named()
        client = await self._host.peer(self._bridge.source)
        connections = client.connections
        self._basis = self._stored
        found = await bearings.take(client, self._bridge.channel, self._basis)
        self._say(found)
        trail = found.marks
        following = False
        try:
            async with client.subscribe(self._bridge.channel, since=found.since, resume=False) as events:
                if client.connections != connections:
                    raise Reconnected("the bearings were taken over an earlier connection")
                self._metrics.following.inc()
                following = True
                async for event in events:
                    if event.position is None:
                        continue
                    trail = marks.extended(trail, base.Mark(event.position.offset, event.id))
                    place = (self._bridge.source, event.position.epoch, event.position.offset)
                    with self._traced(event):
                        taken = await self._take_in(event, base.Position(*place, event.timestamp, trail))
                    if not taken:
                        return
                    self._wait_for(events.waiting)
        finally:
            self._metrics.following.dec(following)
            self._wait_for(0)

    async def _named(self) -> None:
        """Wait until the configuration names the peer, since a reload may have taken it out."""
        if not self._host.has_peer(self._bridge.source):
            self.log.warning("bridge has nobody to follow until its peer is configured again")
            await self._host.peer_configured(self._bridge.source)

    def _wait_for(self, events: int) -> None:
        self._metrics.waiting.inc(events - self._waiting)
        self._waiting = events

    def _say(self, found: Bearings) -> None:
        if found.lost and found.since != self._lost_before:
            self._lost_before = found.since
            self._metrics.lost.inc(found.lost)
            self.log.error("bridge lost events that its source no longer holds", lost=found.lost)
        if found.turned_back:
            self.log.warning("bridge found another log than it knew, and goes on where both part")
        self.log.info("bridge follows", since=str(found.since))

    def _traced(self, event: Event) -> AbstractContextManager[object]:
        tracing = self._host.tracing
        if tracing is None:
            return nullcontext()
        return tracing.taking_in(self._bridge.source, self._bridge.channel, event.id, event.traceparent)

    async def _take_in(self, event: Event, position: base.Position) -> bool:
        """Record the event's effect, waiting out a store that is unavailable; False if it follows on from elsewhere.

        A write that seemed to fail may have succeeded: then the position, read back, says that the effect is there.
        """
        foreign = ForeignEvent(self._bridge.source, event.name, event.data, event.timestamp)

        def decide(state: State) -> Decision:
            return self._bridge.react(state, foreign, self._host.context())

        while position.follows(self._stored, self._basis):
            answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            self._engine.react(decide, position, answering(answered), self._basis)
            outcome = await answered
            if outcome.code is None:
                break
            if outcome.code is not ErrorCode.UNAVAILABLE:
                self._metrics.refused.inc()
                reason = outcome.message
                self.log.error("bridge passes over an event that cannot be taken in", event_id=event.id, reason=reason)
                return True
            await asyncio.sleep(_PAUSE)
        stored = self._stored
        if stored is None or not stored.covers(position):
            return False
        self._basis = position
        self._metrics.taken.inc()
        return True
