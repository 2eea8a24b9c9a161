"""Servers that are wrong in how they write, and in how they treat who reads slowly."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bodhisattva.servers.core.connections.connection import SLOW_CONSUMER, Connection
from bodhisattva.servers.core.delivery.outbox import Outbox
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.transport.heartbeat import Heartbeat
from bodhisattva.suites.meta.inject import Inject, mutant

MOST = 40
MANY = 256 * 1024


@mutant(
    "DEGRADATION-004",
    wrong="closes slow consumers and does not count them",
    failure="in vain for: the metrics count a slow consumer",
)
def counts_no_slow_consumers(inject: Inject) -> None:
    def close_uncounted(connection: Connection) -> None:
        connection.close(SLOW_CONSUMER, "Slow consumer")

    inject(Connection, "_too_slow", close_uncounted)


@mutant(
    "DEGRADATION-004",
    wrong="drops what a slow consumer does not take, and leaves it connected",
    failure="in vain for: the metrics count a slow consumer",
)
def drops_events_of_slow_consumers(inject: Inject) -> None:
    def pass_over(_connection: Connection) -> None:
        """What did not fit is gone."""

    inject(Connection, "_too_slow", pass_over)


@mutant(
    "DEGRADATION-005",
    wrong="shows slow consumers on their channels after it has closed them",
    failure="who is gone is still on the channel",
)
def keeps_slow_consumers_on_their_channels(inject: Inject) -> None:
    release = Connection._release
    perform_close = Connection._too_slow
    slow: set[str] = set()

    def shut_and_remember(connection: Connection) -> None:
        slow.add(connection.connection_id)
        perform_close(connection)

    def release_others(connection: Connection) -> None:
        if connection.connection_id not in slow:
            release(connection)

    inject(Connection, "_too_slow", shut_and_remember)
    inject(Connection, "_release", release_others)


@mutant(
    "PERFORMANCE-003",
    wrong="lets an answer fall where forty requests of a connection are under way",
    failure="in vain for",
)
def lets_answers_fall_under_load(inject: Inject) -> None:
    answer = Connection.answer

    def answer_some(connection: Connection, message: Incoming, outcome: Outcome) -> None:
        if len(connection._in_flight) <= MOST:
            answer(connection, message, outcome)
        else:
            connection._in_flight.end(message, None)

    inject(Connection, "answer", answer_some)


@mutant(
    "LIFECYCLE-031",
    wrong="takes a peer for gone whose answer waits behind what it is still reading",
    failure="bytes read on a total of",
)
def cuts_slow_readers(inject: Inject) -> None:
    def hurry(*_: Any) -> None:
        """The time for the answer runs, wherever the ping is."""

    inject(Heartbeat, "ping_delayed", hurry)


@mutant(
    "DEGRADATION-005",
    wrong="does not mind how long a client takes nothing",
    failure="in vain for: the slot of a client that takes nothing",
)
def waits_for_slow_consumers(inject: Inject) -> None:
    def ageless(_outbox: Outbox, _now: float) -> float:
        return 0.0

    inject(Outbox, "age", ageless)


@mutant(
    "DEGRADATION-006", wrong="sends what is due to a slow client with the newest first", failure="== [0, 1, 2, 3, 4, 5"
)
def sends_waiting_output_last_first(inject: Inject) -> None:
    flush = Outbox.flush

    def flush_reversed(outbox: Outbox, *shared: Any) -> None:
        if outbox.unsent > MANY:
            outbox._frames.reverse()
        flush(outbox, *shared)

    inject(Outbox, "flush", flush_reversed)


@mutant(
    "DEGRADATION-016",
    wrong="reads all requested pages of history at once, and closes a client that cannot take them",
    failure="the connection ended Close(code=4008",
)
def reads_all_pages_at_once(inject: Inject) -> None:
    @asynccontextmanager
    async def at_once(_outbox: Outbox) -> AsyncIterator[None]:
        yield

    inject(Outbox, "one_by_one", at_once)
