"""Servers that are wrong in the log that replicas share in Redis."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from msgspec.structs import replace

from bodhisattva.servers.core.log.base import AppendGrant, Entry, LogError, LogLost, StoredEvent
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.core.log.redis_connection import failures
from bodhisattva.servers.core.replicas.resynchronization import Resynchronization
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "REPLICAS-016",
    wrong="forgets that its log lost delivered events if nothing can be written when it notices",
    failure="its epoch is the same",
)
def forgets_that_its_log_lost_its_end(inject: Inject) -> None:
    attempt = Resynchronization.attempt

    async def forget(resynchronization: Resynchronization, failure: BaseException) -> None:
        if isinstance(failure, LogLost):
            try:
                await resynchronization._log.recover()
            except LogError:
                resynchronization._rebuild = True
                raise
        await attempt(resynchronization, failure)

    async def unchecked(_log: RedisLog) -> None:
        return

    inject(RedisLog, "check_held", unchecked)
    inject(Resynchronization, "attempt", forget)


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
    failure="its epoch is the same",
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
    acquire, append = RedisLog.acquire, RedisLog.append

    async def acquire_without_answers(log: RedisLog, requests: Any, since: float) -> AppendGrant | None:
        grant = await acquire(log, requests, since)
        return grant and AppendGrant([], grant.positions)

    async def append_without_answers(log: RedisLog, *entries: Entry, more: bool = False) -> None:
        await append(log, *(replace(entry, answer=None) for entry in entries), more=more)

    inject(RedisLog, "acquire", acquire_without_answers)
    inject(RedisLog, "append", append_without_answers)
