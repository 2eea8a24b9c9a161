import ssl
from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.config import Tls
from bodhisattva.servers.core.transport import tls

CLAUSE = "TLS-014"
WRONG = "asks for no certificates where it was told to, but not of whom"
SAYS = "in vain for: the end of"

server_context = tls.server_context


def if_there_is_an_authority(settings: Tls) -> ssl.SSLContext | None:
    verify = settings.verify_client and settings.client_ca is not None
    return server_context(replace(settings, verify_client=verify))


def mutate() -> None:
    patch.object(tls, "server_context", if_there_is_an_authority).start()
