from unittest.mock import patch

from bodhisattva.servers.core.connections import origin

CLAUSE = "SECURITY-244"
WRONG = "takes every port of its host for its own origin"
SAYS = "101"

Place = tuple[str, int]

place = origin._place


def place_without_port(authority: str, scheme: str) -> Place | None:
    found = place(authority, scheme)
    return None if found is None else (found[0], 0)


def mutate() -> None:
    patch.object(origin, "_place", place_without_port).start()
