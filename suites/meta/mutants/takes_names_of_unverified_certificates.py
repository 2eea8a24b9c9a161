from unittest.mock import patch

from bodhisattva.servers.core.auth import client_certificates

CLAUSE = "TLS-024"
WRONG = "starts with certificates that name users without being verified"
SAYS = "in vain for: the end of"


def unchecked(*_: object) -> None:
    """Whatever is configured."""


def mutate() -> None:
    patch.object(client_certificates, "check", unchecked).start()
