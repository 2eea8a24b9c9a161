from unittest.mock import patch

from bodhisattva.servers.core.engine.deduplication import Answers

CLAUSE = "PROTOCOL-050"
WRONG = "forgets which commands it has answered, and executes a retried one again"
SAYS = "create_session was refused"


def never_asked_before(*_: object) -> bool:
    return False


def mutate() -> None:
    patch.object(Answers, "asked_before", never_asked_before).start()
