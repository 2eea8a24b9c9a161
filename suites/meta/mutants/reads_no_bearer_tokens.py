from unittest.mock import patch

from bodhisattva.servers.core.connections import upgrade

CLAUSE = "AUTH-050"
WRONG = "does not read the header Authorization"
SAYS = "session.created"
ALSO = ("AUTH-051",)


def nobody(*_: object) -> None:
    """The first message will tell."""


def mutate() -> None:
    patch.object(upgrade, "identify", nobody).start()
