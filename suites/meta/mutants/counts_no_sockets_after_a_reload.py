from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.transport.acceptor import Acceptor

CLAUSE = "TLS-230"
WRONG = "counts no sockets any more once its certificate is renewed"
SAYS = "in vain for: the end of sockets over the limit"

renew = Acceptor.renew


def renew_and_admit(acceptor: Acceptor, context: Any) -> None:
    renew(acceptor, context)
    acceptor._admits = lambda _: True


def mutate() -> None:
    patch.object(Acceptor, "renew", renew_and_admit).start()
