from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "TLS-016"
WRONG = "goes on showing the certificate that it was started with"
SAYS = "in vain for: the new certificate is shown"


def keep(*_: object) -> None:
    """The listener's own context stays."""


def mutate() -> None:
    patch.object(Server, "_renew_context", keep).start()
