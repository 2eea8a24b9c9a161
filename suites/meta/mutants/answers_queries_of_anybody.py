from unittest.mock import patch

from bodhisattva.servers.core.auth.permissions import Permissions

CLAUSE = "AUTH-030"
WRONG = "answers queries whatever the token allows"
SAYS = "was not refused"
ALSO = (
    "AUTH-033",
    "AUTH-041",
)


def allow(*_: object) -> None:
    """Everybody may ask."""


def mutate() -> None:
    patch.object(Permissions, "check_query", allow).start()
