from pathlib import Path
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bodhisattva.servers.core.auth import keys
from bodhisattva.servers.core.auth.keys import Key

CLAUSE = "AUTH-064"
WRONG = "judges tokens by another key than the file's"
SAYS = "the token is accepted"


def another(_: Path) -> Key:
    return Key("EdDSA", Ed25519PrivateKey.generate().public_key())


def mutate() -> None:
    patch.object(keys, "read_public_key", another).start()
