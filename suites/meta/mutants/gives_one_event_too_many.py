from collections.abc import Sequence
from unittest.mock import patch

from bodhisattva.servers.core.log.base import StoredEvent
from bodhisattva.servers.core.log.sqlite import SqliteLog

CLAUSE = "PROTOCOL-033"
WRONG = "gives one event of the history more than was asked for"
SAYS = "Left contains one more item"

read = SqliteLog.read


async def read_one_more(log: SqliteLog, channel: str, after: int, limit: int) -> Sequence[tuple[int, StoredEvent]]:
    return await read(log, channel, after, limit + 1)


def mutate() -> None:
    patch.object(SqliteLog, "read", read_one_more).start()
