import asyncio
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.log.base import Entry
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.core.replicas.replica import Replica

CLAUSE = "REPLICAS-010"
WRONG = "answers commands before they are in the log that its replicas share"
SAYS = "answered and forgotten"
ALSO = ("PROTOCOL-045",)

decide_all, propose = Replica._decide_all, RedisLog.propose


def decide_and_answer(replica: Replica, batch: Any, known: Any) -> Any:
    """Answer what was just decided, and not when the caller finishes it."""
    ready = decide_all(replica, batch, known)
    for number, (command, each) in enumerate(zip(batch, ready, strict=True)):
        replica._commands[number] = command._replace(answer=answered)
        command.answer(each.outcome)
    return ready


def answered(_: Outcome) -> None:
    """It was answered before."""


async def propose_later(log: RedisLog, *entries: Entry, more: bool = False) -> None:
    await asyncio.sleep(0.5)
    await propose(log, *entries, more=more)


def mutate() -> None:
    patch.object(Replica, "_decide_all", decide_and_answer).start()
    patch.object(RedisLog, "propose", propose_later).start()
