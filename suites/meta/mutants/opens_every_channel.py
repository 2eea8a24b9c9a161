from unittest.mock import patch

from bodhisattva.servers.core.auth.permissions import Permissions
from bodhisattva.servers.core.auth.tokens import Identity

CLAUSE = "AUTH-006"
WRONG = "ignores permissions on channels"
SAYS = "subscribe was not refused"
ALSO = ("AUTH-033", "AUTH-035", "AUTH-041")


def check_existence(permissions: Permissions, _identity: Identity, channel: str) -> None:
    permissions._service.channel_kind(channel)


def mutate() -> None:
    patch.object(Permissions, "check_channel", check_existence).start()
