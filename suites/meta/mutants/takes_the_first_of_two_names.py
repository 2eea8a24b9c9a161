from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.auth import client_certificates

CLAUSE = "TLS-021"
WRONG = "takes the first of two names in a certificate for its user"
SAYS = "DID NOT RAISE"

names = client_certificates._names


def first(certificate: Mapping[str, Any], field: str) -> list[str]:
    return names(certificate, field)[:1]


def mutate() -> None:
    patch.object(client_certificates, "_names", first).start()
