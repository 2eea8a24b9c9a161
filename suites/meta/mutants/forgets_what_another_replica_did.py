from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.log.base import Entry, Turn
from bodhisattva.servers.core.log.redis import RedisLog

CLAUSE = "REPLICAS-004"
WRONG = "knows only the requests that it has answered itself, and executes those of another replica again"
SAYS = "was refused"

take, store = RedisLog.take, RedisLog._store_entries


async def take_without_answers(log: RedisLog, requests: Any, since: float) -> Turn | None:
    turn = await take(log, requests, since)
    return turn and Turn([], turn.positions)


async def store_whatever(log: RedisLog, entries: Sequence[Entry], *, once: bool, more: bool = False) -> None:
    await store(log, entries, once=False, more=more)


def mutate() -> None:
    patch.object(RedisLog, "take", take_without_answers).start()
    patch.object(RedisLog, "_store_entries", store_whatever).start()
