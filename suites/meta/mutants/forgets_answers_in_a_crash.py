from collections.abc import Sequence
from unittest.mock import patch

from bodhisattva.servers.core.engine.deduplication import Answers
from bodhisattva.servers.core.log.base import StoredAnswer

CLAUSE = "UPGRADE-005"
WRONG = "remembers which commands it has answered only until it is restarted"
SAYS = "create_session was refused"


def load_nothing(_answers: Answers, _stored: Sequence[StoredAnswer]) -> None:
    """As if none had been stored."""


def mutate() -> None:
    patch.object(Answers, "load", load_nothing).start()
