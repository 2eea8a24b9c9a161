import ssl
from unittest.mock import patch

from bodhisattva.servers.core.config import ConfigError, Tls
from bodhisattva.servers.core.transport import tls

CLAUSE = "TLS-015"
WRONG = "serves in clear when its certificate cannot be read"
SAYS = "in vain for: the end of"

server_context = tls.server_context


def if_readable(settings: Tls) -> ssl.SSLContext | None:
    try:
        return server_context(settings)
    except ConfigError:
        return None


def mutate() -> None:
    patch.object(tls, "server_context", if_readable).start()
