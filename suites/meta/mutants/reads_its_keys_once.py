from functools import cache
from unittest.mock import patch

from bodhisattva.servers.core.auth import keys

CLAUSE = "AUTH-063"
WRONG = "reads the file of its keys once"
SAYS = "the token is accepted"


def mutate() -> None:
    patch.object(keys, "read_jwks", cache(keys.read_jwks)).start()
