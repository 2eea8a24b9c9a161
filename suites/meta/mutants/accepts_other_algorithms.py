from collections.abc import Iterator
from unittest.mock import patch

import jwt

from bodhisattva.servers.core.auth.keys import Key, KeyRing

CLAUSE = "AUTH-021"
WRONG = "accepts tokens of algorithms that are not on the list"
SAYS = "auth was not refused"


fitting = KeyRing.fitting


def fitting_any(ring: KeyRing, token: str) -> Iterator[Key]:
    algorithm = jwt.get_unverified_header(token)["alg"]
    if algorithm not in ("HS384", "HS512"):
        return fitting(ring, token)
    return (key._replace(algorithm=algorithm) for key in ring._keys if key.algorithm == "HS256")


def mutate() -> None:
    patch.object(KeyRing, "fitting", fitting_any).start()
