import ssl
from unittest.mock import patch

from bodhisattva.servers.core.config import Tls
from bodhisattva.servers.core.transport import tls

CLAUSE = "TLS-008"
WRONG = "knows no curve but P-256"
SAYS = "knows only X25519"

server_context = tls.server_context


def one_curve(settings: Tls) -> ssl.SSLContext | None:
    context = server_context(settings)
    if context is not None:
        context.set_ecdh_curve("prime256v1")
    return context


def mutate() -> None:
    patch.object(tls, "server_context", one_curve).start()
