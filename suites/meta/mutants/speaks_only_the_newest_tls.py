import ssl
from unittest.mock import patch

from bodhisattva.servers.core.config import Tls
from bodhisattva.servers.core.transport import tls

CLAUSE = "TLS-005"
WRONG = "does not speak TLS 1.2"
SAYS = "TLSv1.2 is not spoken"

server_context = tls.server_context


def newest_context(settings: Tls) -> ssl.SSLContext | None:
    context = server_context(settings)
    if context is not None:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def mutate() -> None:
    patch.object(tls, "server_context", newest_context).start()
