"""Servers that are wrong in how they ping and how long they wait."""

import time

from msgspec.structs import replace

from bodhisattva.servers.core.config import Timeouts
from bodhisattva.servers.core.connections.registry import ConnectionRegistry
from bodhisattva.servers.core.connections.session import Now, Output, Session
from bodhisattva.servers.core.transport.heartbeat import Beat, Heartbeat
from bodhisattva.suites.meta.inject import Inject, mutant

SECONDS = 1.0


@mutant("LIFECYCLE-018", wrong="gives a peer up after half of the time that it claims", failure="s after a ping")
def gives_peers_half_their_time(inject: Inject) -> None:
    tick = Heartbeat.tick

    def tick_impatiently(heartbeat: Heartbeat, now: float, timeouts: Timeouts) -> Beat:
        return tick(heartbeat, now, replace(timeouts, ping_timeout=timeouts.ping_timeout / 2))

    inject(Heartbeat, "tick", tick_impatiently)


@mutant("LIFECYCLE-019", wrong="has no heartbeat", failure="in vain for: a frame", also=("LIFECYCLE-018",))
def sends_no_pings(inject: Inject) -> None:
    def rest(_heartbeat: Heartbeat, _now: float, _timeouts: Timeouts) -> Beat:
        return Beat.NONE

    inject(Heartbeat, "tick", rest)


@mutant(
    "LIFECYCLE-018", wrong="never gives up a peer that answers no pings", failure="in vain for: the connection's end"
)
def waits_for_silent_peers(inject: Inject) -> None:
    tick = Heartbeat.tick

    def tick_and_hope(heartbeat: Heartbeat, now: float, timeouts: Timeouts) -> Beat:
        heartbeat.data_received()
        return tick(heartbeat, now, timeouts)

    inject(Heartbeat, "tick", tick_and_hope)


@mutant(
    "DEGRADATION-011", wrong="hangs up on everybody once it goes on after a standstill", failure="the connection ended"
)
def closes_connections_after_a_standstill(inject: Inject) -> None:
    ticked = [time.monotonic()]
    tick = ConnectionRegistry._tick

    def tick_or_hang_up(connections: ConnectionRegistry) -> None:
        before, ticked[0] = ticked[0], time.monotonic()
        if ticked[0] - before > SECONDS:
            for connection in connections:
                connection.abort()
        tick(connections)

    inject(ConnectionRegistry, "_tick", tick_or_hang_up)


@mutant(
    "DEGRADATION-008",
    wrong="never gives up a subscriber that answers no pings",
    failure="in vain for: the end of a half-open connection",
)
def waits_for_ever_for_its_subscribers(inject: Inject) -> None:
    beat = Session._beat

    def beat_and_hope(session: Session, now: Now) -> list[Output]:
        if session.channels:
            session._heartbeat.data_received()
        return beat(session, now)

    inject(Session, "_beat", beat_and_hope)


@mutant("AUTH-014", wrong="waits for a token for as long as it takes", failure="in vain for")
def waits_for_tokens_for_ever(inject: Inject) -> None:
    tick = Session.tick

    def tick_once_known(session: Session, now: Now) -> list[Output]:
        return tick(session, now) if session.identity is not None else []

    inject(Session, "tick", tick_once_known)
