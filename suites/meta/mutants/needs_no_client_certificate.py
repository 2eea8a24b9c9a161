import ssl
from unittest.mock import patch

from bodhisattva.servers.core.config import Tls
from bodhisattva.servers.core.transport import tls

CLAUSE = "TLS-010"
WRONG = "lets clients without a certificate in where it is told to verify them"
SAYS = "the service answered HTTP 101"

server_context = tls.server_context


def lenient_context(settings: Tls) -> ssl.SSLContext | None:
    context = server_context(settings)
    if context is not None and settings.verify_client:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def mutate() -> None:
    patch.object(tls, "server_context", lenient_context).start()
