from unittest.mock import patch

from bodhisattva.servers.core.engine import engine
from bodhisattva.servers.core.engine.deduplication import Key

CLAUSE = "PROTOCOL-057"
WRONG = "takes ids that begin alike for the same"
SAYS = "get_session was refused"

KEPT = 1000


def key_of_beginning(user_id: str, request_id: str) -> Key:
    return user_id, request_id[:KEPT]


def mutate() -> None:
    patch.object(engine, "key_of", key_of_beginning).start()
