"""A standing subscription to another service, exactly once in effect (protocol 8, bridges).

An event's effect is recorded in one entry with its position in the source. A restart resumes after the last event that
was applied: none is lost, none is applied twice. The source's log may be replaced, even by one of the same epoch. So
the bridge finds its resume point anew on each connection. It reports events that the source no longer holds.
"""

import asyncio
from contextlib import AbstractContextManager, nullcontext

from bodhisattva.servers.client import Client, ClientError, Discontinuity, Event, Position, Reconnected
from bodhisattva.servers.core.bridges import resume_point
from bodhisattva.servers.core.bridges.resume_point import ResumePoint
from bodhisattva.servers.core.domain import Decision, State
from bodhisattva.servers.core.engine.deduplication import Outcome, answering
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.errors import ErrorCode
from bodhisattva.servers.core.log import base
from bodhisattva.servers.core.runtime import ServiceRuntime
from bodhisattva.servers.core.service import Bridge, ForeignEvent
from bodhisattva.servers.core.supervisor import cancelled

_PAUSE = 1.0  # seconds before the next attempt


async def run(bridge: Bridge, engine: Engine, runtime: ServiceRuntime) -> None:
    """Consume the source until cancelled; after a failure, resume from the stored position."""
    consumer = _Consumer(bridge, engine, runtime)
    while True:
        try:
            await consumer.consume_until_log_lost()
        except Reconnected:
            continue
        except Discontinuity as broken:
            consumer.log.warning("bridge looks for its resume point again", reason=str(broken))
        except (ClientError, OSError, TimeoutError) as error:
            consumer.log.warning("bridge interrupted", reason=str(error))
        await asyncio.sleep(_PAUSE)


class _Consumer:
    """Applies the events of one bridge's source."""

    def __init__(self, bridge: Bridge, engine: Engine, runtime: ServiceRuntime) -> None:
        self.log = runtime.log.bind(source=bridge.source)
        self._bridge = bridge
        self._engine = engine
        self._runtime = runtime
        self._metrics = runtime.metrics.bridges
        self._backlog = 0
        self._basis: base.Position | None = None
        self._lost_before: Position | None = None

    @property
    def _stored(self) -> base.Position | None:
        return self._runtime.position(self._bridge.source)

    async def consume_until_log_lost(self) -> None:
        """Consume the source. Return if the own log has lost an effect: its event has to be applied again."""
        consuming = asyncio.ensure_future(self._consume())
        lost = asyncio.ensure_future(self._runtime.log_lost())
        try:
            await asyncio.wait({consuming, lost}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancelled(consuming, lost)
        if not consuming.cancelled():
            consuming.result()

    async def _consume(self) -> None:
        """Consume the source over one connection, since its log may be another on the next.

        Discontinuity where the source's events are not contiguous.
        """
        await self._wait_for_peer()
        client = await self._runtime.peer(self._bridge.source)
        connections = client.connections
        self._basis = self._stored
        point = await resume_point.find(client, self._bridge.channel, self._basis)
        self._report(point)
        try:
            await self._apply_all(client, connections, point)
        finally:
            self._set_backlog(0)

    async def _apply_all(self, client: Client, connections: int, point: ResumePoint) -> None:
        """Apply the events after the resume point, until one does not follow the stored position."""
        locator = point.locator
        async with client.subscribe(self._bridge.channel, since=point.since, resume=False) as events:
            if client.connections != connections:
                raise Reconnected("the resume point was found over an earlier connection")
            with self._metrics.following.track_inprogress():
                async for event in events:
                    if event.position is None:
                        continue
                    locator = locator.extended(base.Mark(event.position.offset, event.id))
                    at = (self._bridge.source, event.position.epoch, event.position.offset)
                    with self._traced(event):
                        applied = await self._apply(event, base.Position(*at, event.timestamp, locator.marks))
                    if not applied:
                        return
                    self._set_backlog(events.waiting)

    async def _wait_for_peer(self) -> None:
        """Wait until the configuration names the peer, since a reload may have removed it."""
        if not self._runtime.has_peer(self._bridge.source):
            self.log.warning("bridge has nobody to follow until its peer is configured again")
            await self._runtime.peer_configured(self._bridge.source)

    def _set_backlog(self, events: int) -> None:
        self._metrics.waiting.inc(events - self._backlog)
        self._backlog = events

    def _report(self, point: ResumePoint) -> None:
        if point.lost and point.since != self._lost_before:
            self._lost_before = point.since
            self._metrics.lost.inc(point.lost)
            self.log.error("bridge lost events that its source no longer holds", lost=point.lost)
        if point.diverged:
            self.log.warning("bridge found another log than it knew, and resumes where both diverge")
        self.log.info("bridge follows", since=str(point.since))

    def _traced(self, event: Event) -> AbstractContextManager[object]:
        tracing = self._runtime.tracing
        if tracing is None:
            return nullcontext()
        return tracing.apply_span(self._bridge.source, self._bridge.channel, event.id, event.traceparent)

    async def _apply(self, event: Event, position: base.Position) -> bool:
        """Record the event's effect, as soon as the store is available; False if it does not follow what is stored.

        A write that seemed to fail may have succeeded. The stored position then shows that the effect is recorded.
        """
        foreign = ForeignEvent(self._bridge.source, event.name, event.data, event.timestamp)

        def decide(state: State) -> Decision:
            return self._bridge.react(state, foreign, self._runtime.context())

        while position.follows(self._stored, self._basis):
            answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            self._engine.react(decide, position, answering(answered), self._basis)
            outcome = await answered
            if outcome.code is None:
                break
            if outcome.code is not ErrorCode.UNAVAILABLE:
                self._metrics.refused.inc()
                self.log.error("bridge skips an event that it cannot apply", event_id=event.id, reason=outcome.message)
                return True
            await asyncio.sleep(_PAUSE)
        stored = self._stored
        if stored is None or not stored.covers(position):
            return False
        self._basis = position
        self._metrics.taken.inc()
        return True
