from pathlib import Path
from unittest.mock import patch

from bodhisattva.servers.core.auth import keys
from bodhisattva.servers.core.auth.keys import BadKey, Key

CLAUSE = "AUTH-065"
WRONG = "lets its keys go when their file is broken"
SAYS = "the log names the file"

read = keys.read_jwks


def read_or_none(file: Path) -> list[Key]:
    try:
        return read(file)
    except BadKey:
        return []


def mutate() -> None:
    patch.object(keys, "read_jwks", read_or_none).start()
