from unittest.mock import patch

from bodhisattva.servers.core.transport.acceptor import Acceptor

CLAUSE = "SECURITY-231"
WRONG = "keeps the place of a socket that has ended"
SAYS = "in vain for: a place after silent sockets have ended"


def keep(_: Acceptor) -> None:
    """Nothing is free."""


def mutate() -> None:
    patch.object(Acceptor, "_freed", keep).start()
