from unittest.mock import patch

from bodhisattva.servers.core.auth.permissions import Permissions
from bodhisattva.servers.core.auth.tokens import Identity

CLAUSE = "AUTH-004"
WRONG = "lets a user do everything whose token allows nothing"
SAYS = "was not refused"

command = Permissions.check_command


def check(permissions: Permissions, identity: Identity) -> None:
    if identity.permissions:
        command(permissions, identity)


def mutate() -> None:
    patch.object(Permissions, "check_command", check).start()
