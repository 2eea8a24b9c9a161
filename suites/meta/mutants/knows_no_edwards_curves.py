from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bodhisattva.servers.core.auth import keys

CLAUSE = "AUTH-060"
WRONG = "takes no keys of EdDSA"
SAYS = "the token is accepted"

algorithm = keys._algorithm


def known(material: object) -> str | None:
    return None if isinstance(material, Ed25519PublicKey) else algorithm(material)


def mutate() -> None:
    patch.object(keys, "_algorithm", known).start()
