"""Servers that are wrong in how many connections and requests they admit."""

import time
from typing import Any

from msgspec.structs import replace

from bodhisattva.servers.core.config import Limits
from bodhisattva.servers.core.connections import session, shared_counts
from bodhisattva.servers.core.connections.limits import ConnectionCounts, RateGuard
from bodhisattva.servers.core.connections.shared_counts import SharedCounts, Subject
from bodhisattva.servers.core.errors import RateLimitExceeded
from bodhisattva.servers.core.server import Server
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "SECURITY-021",
    wrong="counts connections only once they have authenticated",
    failure="in vain for the connection's end",
)
def counts_the_authenticated_only(inject: Inject) -> None:
    def add_without_limit(counts: ConnectionCounts, address: str) -> bool:
        counts.total += 1
        counts._addresses[address] += 1
        return True

    inject(ConnectionCounts, "add", add_without_limit)


@mutant(
    "SECURITY-021",
    wrong="counts a connection only once it has authenticated",
    failure="in vain for the connection's end",
)
def does_not_count_strangers(inject: Inject) -> None:
    def uncounted(*_: object) -> bool:
        return True

    inject(ConnectionCounts, "add", uncounted)
    inject(ConnectionCounts, "remove", uncounted)


@mutant("PROTOCOL-063", wrong="has no capacity of its own, and counts by address only", failure="over connections")
def has_no_limit_of_connections(inject: Inject) -> None:
    add = ConnectionCounts.add

    def add_uncounted(counts: ConnectionCounts, address: str) -> bool:
        total, counts.total = counts.total, 0
        added = add(counts, address)
        counts.total += total
        return added

    inject(ConnectionCounts, "add", add_uncounted)


@mutant("PROTOCOL-063", wrong="lets one address have any number of connections", failure="over connections_per_address")
def has_no_limit_of_one_address(inject: Inject) -> None:
    add = ConnectionCounts.add

    def add_of_anywhere(counts: ConnectionCounts, address: str) -> bool:
        configured = counts.limits
        counts.limits = lambda: replace(configured(), connections_per_address=1_000_000)
        try:
            return add(counts, address)
        finally:
            counts.limits = configured

    inject(ConnectionCounts, "add", add_of_anywhere)


@mutant(
    "PROTOCOL-064", wrong="lets one user have any number of connections", failure="in vain for the connection's end"
)
def has_no_limit_of_one_user(inject: Inject) -> None:
    def admit(*_: object) -> bool:
        return True

    inject(ConnectionCounts, "add_user", admit)


@mutant(
    "PROTOCOL-061",
    wrong="never closes a client that keeps on over the rate",
    failure="in vain for: the close of a client that keeps on",
)
def never_closes_floods(inject: Inject) -> None:
    def never(_guard: RateGuard, _now: float, _limits: Limits) -> bool:
        return False

    inject(RateGuard, "exhausted", never)


@mutant("PROTOCOL-060", wrong="takes messages at any rate", failure="of 15 messages were taken")
def has_no_rate_limit(inject: Inject) -> None:
    def always_room(*_: object) -> float:
        return 0.0

    inject(RateGuard, "take", always_room)


@mutant("DEGRADATION-007", wrong="drops everybody's messages while one client is over its rate", failure="was refused")
def lets_one_flood_limit_all(inject: Inject) -> None:
    take = RateGuard.take
    over_until = [0.0]

    def take_or_wait(guard: RateGuard, now: float, limits: Limits) -> float:
        waited = take(guard, now, limits)
        if waited:
            over_until[0] = now + waited
        return waited or max(0.0, over_until[0] - now)

    inject(RateGuard, "take", take_or_wait)


@mutant(
    "SECURITY-230",
    wrong="keeps any number of sockets that are no connections",
    failure="in vain for: the end of sockets over the limit",
    also=("SECURITY-231", "TLS-230"),
)
def has_no_limit_of_silent_sockets(inject: Inject) -> None:
    def admit(*_: object) -> bool:
        return True

    inject(Server, "_admits", admit)


@mutant(
    "SECURITY-230",
    wrong="does nothing else for seconds whenever it turns a socket away",
    failure="in vain for the answer to",
    also=("SECURITY-231", "TLS-230"),
)
def blocks_while_it_refuses_a_connection(inject: Inject) -> None:
    admits = Server._admits

    def admit_or_stand_still(server: Server, sockets: int) -> bool:
        admitted = admits(server, sockets)
        if not admitted:
            time.sleep(2)
        return admitted

    inject(Server, "_admits", admit_or_stand_still)


@mutant(
    "REPLICAS-041",
    wrong="counts a user's connections for itself, whatever other replicas hold",
    failure="one connection more than the cap",
)
def counts_for_itself(inject: Inject) -> None:
    def send_nobody(_: SharedCounts, __: Subject) -> bool:
        return True

    inject(SharedCounts, "_note", send_nobody)


@mutant(
    "PROTOCOL-060", wrong="gives a client that is over its rate a retry time of almost nothing", failure="was refused"
)
def sends_too_short_a_retry_time(inject: Inject) -> None:
    def at_once(message: str, **_: Any) -> RateLimitExceeded:
        return RateLimitExceeded(message, retry_after=0.001)

    inject(session, "RateLimitExceeded", at_once)


@mutant(
    "REPLICAS-042",
    wrong="leaves the places of its users taken when it is killed",
    failure="in vain for: the places of a killed replica are free",
)
def holds_the_places_of_the_dead(inject: Inject) -> None:
    inject.constant(shared_counts, "_LEASE_MS", 3_600_000, reader=(SharedCounts, "_call"))
