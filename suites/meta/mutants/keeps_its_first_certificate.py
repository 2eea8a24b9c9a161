import shutil
import ssl
from pathlib import Path
from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.config import Tls
from bodhisattva.servers.core.transport import tls

CLAUSE = "TLS-002"
WRONG = "goes on with the first certificate that it was ever given, also when it is started with another"
SAYS = "in vain for: the new certificate is shown"

server_context = tls.server_context


def kept(name: str) -> str:
    copy = Path(f"{name}.kept")
    if not copy.exists():
        shutil.copyfile(name, copy)
    return str(copy)


def first_context(settings: Tls) -> ssl.SSLContext | None:
    if settings.certificate is None or settings.key is None:
        return server_context(settings)
    return server_context(replace(settings, certificate=kept(settings.certificate), key=kept(settings.key)))


def mutate() -> None:
    patch.object(tls, "server_context", first_context).start()
