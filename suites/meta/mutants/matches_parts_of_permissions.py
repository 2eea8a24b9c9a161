from unittest.mock import patch

from bodhisattva.servers.core.auth.permissions import Permissions
from bodhisattva.servers.core.service import Service

CLAUSE = "AUTH-033"
WRONG = "takes a permission that only begins like the right one"
SAYS = "was not refused"

made = Permissions.__init__


class Beginnings(frozenset[str]):
    """Has in common with a set whatever begins like one of its elements."""

    def __rand__(self, others: frozenset[str]) -> bool:  # type: ignore[misc]
        return any(other.startswith(own) for own in self for other in others)

    def __or__(self, others: frozenset[str]) -> "Beginnings":  # type: ignore[override]
        return Beginnings({*self, *others})


def make(permissions: Permissions, service: Service) -> None:
    made(permissions, service)
    for name in ("_admin", "_write", "_read"):
        setattr(permissions, name, Beginnings(getattr(permissions, name)))


def mutate() -> None:
    patch.object(Permissions, "__init__", make).start()
