import math
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.auth import client_certificates
from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.config import Tls

CLAUSE = "TLS-023"
WRONG = "keeps a connection open when the certificate that named its user ends"
SAYS = "in vain for error TOKEN_EXPIRED"

holder = client_certificates.holder


def for_ever(certificate: Mapping[str, Any] | None, tls: Tls) -> Identity | None:
    found = holder(certificate, tls)
    if found is None or found.certificate is None:
        return found
    return replace(found, expires_at=None, certificate=replace(found.certificate, expires_at=math.inf))


def mutate() -> None:
    patch.object(client_certificates, "holder", for_ever).start()
