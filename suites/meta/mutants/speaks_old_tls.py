import ssl
from unittest.mock import patch

from bodhisattva.servers.core.config import Tls
from bodhisattva.servers.core.transport import tls

CLAUSE = "TLS-004"
WRONG = "speaks TLS 1.0 and 1.1"
SAYS = "the server agreed to ('TLSv1"
ALSO = ("TLS-007",)

server_context = tls.server_context


def old_context(settings: Tls) -> ssl.SSLContext | None:
    context = server_context(settings)
    if context is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
    return context


def mutate() -> None:
    patch.object(tls, "server_context", old_context).start()
