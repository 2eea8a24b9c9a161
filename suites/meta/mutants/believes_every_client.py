import ssl
from unittest.mock import patch

from bodhisattva.servers.core.config import Tls
from bodhisattva.servers.core.transport import tls

CLAUSE = "TLS-011"
WRONG = "believes the certificates of every authority"
SAYS = "the service answered HTTP 101"

server_context = tls.server_context


def believing_context(settings: Tls) -> ssl.SSLContext | None:
    context = server_context(settings)
    if context is not None:
        context.verify_mode = ssl.CERT_NONE
    return context


def mutate() -> None:
    patch.object(tls, "server_context", believing_context).start()
