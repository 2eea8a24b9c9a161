from unittest.mock import patch

from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "PROTOCOL-011"
WRONG = "correlates nothing where a request has only a correlation id"
SAYS = "in vain for the answer to mine"


def by_id(message: Incoming) -> str | None:
    return message.id


def mutate() -> None:
    patch.object(Incoming, "answer_to", property(by_id)).start()
