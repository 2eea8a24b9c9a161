import ssl
from unittest.mock import patch

from bodhisattva.servers.core.config import Tls
from bodhisattva.servers.core.transport import tls

CLAUSE = "TLS-013"
WRONG = "serves in clear what it was given a certificate for, but no key"
SAYS = "in vain for: the end of"

server_context = tls.server_context


def if_whole(settings: Tls) -> ssl.SSLContext | None:
    return server_context(settings) if settings.certificate and settings.key else None


def mutate() -> None:
    patch.object(tls, "server_context", if_whole).start()
