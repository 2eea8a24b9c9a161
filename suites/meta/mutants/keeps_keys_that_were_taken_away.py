from pathlib import Path
from unittest.mock import patch

from bodhisattva.servers.core.auth import keys
from bodhisattva.servers.core.auth.keys import Key

CLAUSE = "AUTH-063"
WRONG = "goes on believing keys that are no longer in its file"
SAYS = "in vain for: the old key is refused"

read_jwks = keys.read_jwks
known: dict[str | None, Key] = {}


def read_more(file: Path) -> list[Key]:
    known.update({key.kid: key for key in read_jwks(file)})
    return list(known.values())


def mutate() -> None:
    patch.object(keys, "read_jwks", read_more).start()
