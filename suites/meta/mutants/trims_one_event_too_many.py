import sqlite3
from unittest.mock import patch

from bodhisattva.servers.core.log import sqlite
from bodhisattva.servers.core.log.trimming import Trimmed, remove

CLAUSE = "UPGRADE-021"
WRONG = "removes the newest event together with the oldest ones"
SAYS = "offsets up to"


def remove_and_one_more(database: sqlite3.Connection, upto: int) -> Trimmed:
    trimmed = remove(database, upto)
    database.execute(
        "DELETE FROM channel_events WHERE offset = "
        "(SELECT max(offset) FROM channel_events AS c WHERE c.channel = channel_events.channel)"
    )
    return trimmed


def mutate() -> None:
    patch.object(sqlite, "remove", remove_and_one_more).start()
