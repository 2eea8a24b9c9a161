from unittest.mock import patch

from bodhisattva.servers.core.auth.permissions import Permissions
from bodhisattva.servers.core.auth.tokens import Identity

CLAUSE = "AUTH-036"
WRONG = "opens every channel to who may read those of one kind"
SAYS = "was not refused"

check = Permissions.check_channel


def check_any(permissions: Permissions, identity: Identity, channel: str) -> None:
    if "workflow:read" not in identity.permissions:
        check(permissions, identity, channel)


def mutate() -> None:
    patch.object(Permissions, "check_channel", check_any).start()
