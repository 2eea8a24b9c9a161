from unittest.mock import patch

from bodhisattva.servers.core.transport import tls

CLAUSE = "TLS-003"
WRONG = "starts with a certificate that has expired"
SAYS = "in vain for: the end of"


def unchecked(*_: object) -> None:
    """However old it is."""


def mutate() -> None:
    patch.object(tls, "_check_validity", unchecked).start()
