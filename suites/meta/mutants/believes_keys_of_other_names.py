from collections.abc import Iterator
from unittest.mock import patch

import jwt

from bodhisattva.servers.core.auth.keys import Key, KeyRing

CLAUSE = "AUTH-061"
WRONG = "does not look at the name of the key that a token gives"
SAYS = "auth was not refused"


def fitting_by_algorithm(ring: KeyRing, token: str) -> Iterator[Key]:
    algorithm = jwt.get_unverified_header(token)["alg"]
    return (key for key in ring._keys if key.algorithm == algorithm)


def mutate() -> None:
    patch.object(KeyRing, "fitting", fitting_by_algorithm).start()
