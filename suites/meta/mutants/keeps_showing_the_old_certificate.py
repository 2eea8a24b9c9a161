from unittest.mock import patch

from bodhisattva.servers.core.transport.acceptor import Acceptor

CLAUSE = "TLS-016"
WRONG = "goes on showing the certificate that it was started with"
SAYS = "in vain for: the new certificate is shown"


def keep(*_: object) -> None:
    """The context of the start stays."""


def mutate() -> None:
    patch.object(Acceptor, "renew", keep).start()
