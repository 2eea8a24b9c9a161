"""Servers that are wrong in the log that replicas share in Redis."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from bodhisattva.servers.core.log.base import Entry, LogError, LogLost, StoredEvent, Turn
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.core.log.redis_connection import failures
from bodhisattva.servers.core.replicas.replica import Replica
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "REPLICAS-016",
    wrong="forgets that its log lost delivered events if nothing can be written when it notices",
    failure="its epoch is what it was",
)
def forgets_that_its_log_lost_its_end(inject: Inject) -> None:
    follow_again = Replica._follow_again

    async def forget(replica: Replica, error: Exception) -> None:
        if isinstance(error, LogLost):
            try:
                await replica.log.recover()
            except LogError as refused:
                error, replica._ahead = refused, True
        await follow_again(replica, error)

    async def unchecked(_log: RedisLog) -> None:
        return

    inject(RedisLog, "check_held", unchecked)
    inject(Replica, "_follow_again", forget)


@mutant(
    "REPLICAS-015",
    wrong="does not notice that its log was emptied as long as nobody writes",
    failure="the connection's end",
)
def does_not_notice_an_emptied_log(inject: Inject) -> None:
    newer = RedisLog.newer

    async def newer_or_nothing(log: RedisLog) -> AsyncIterator[Sequence[StoredEvent]]:
        try:
            async for chunk in newer(log):
                yield chunk
        except LogLost:
            return

    inject(RedisLog, "newer", newer_or_nothing)


@mutant(
    "REPLICAS-017",
    wrong="takes a store that answers for one that can be written",
    failure="events about its store: ['server.unavailable', 'server.available'",
)
def takes_a_read_only_store_for_a_writable_one(inject: Inject) -> None:
    async def greet(log: RedisLog) -> None:
        with failures():
            await log._store.ping()

    inject(RedisLog, "recover", greet)


@mutant(
    "REPLICAS-014",
    wrong="keeps its epoch although the log lost events that were delivered",
    failure="its epoch is what it was",
)
def keeps_its_epoch_after_a_lost_tail(inject: Inject) -> None:
    async def renew(log: RedisLog) -> None:
        await log._identify("")

    inject(RedisLog, "renew", renew)


@mutant(
    "REPLICAS-004",
    wrong="deduplicates only its own requests, and executes those of another replica again",
    failure="was refused",
)
def repeats_requests_of_another_replica(inject: Inject) -> None:
    take, store = RedisLog.take, RedisLog._store_entries

    async def take_without_answers(log: RedisLog, requests: Any, since: float) -> Turn | None:
        turn = await take(log, requests, since)
        return turn and Turn([], turn.positions)

    async def store_whatever(log: RedisLog, entries: Sequence[Entry], *, once: bool, more: bool = False) -> None:
        await store(log, entries, once=False, more=more)

    inject(RedisLog, "take", take_without_answers)
    inject(RedisLog, "_store_entries", store_whatever)
