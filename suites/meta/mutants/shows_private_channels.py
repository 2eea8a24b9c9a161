from unittest.mock import patch

import msgspec

from bodhisattva.servers.core.auth.permissions import Permissions
from bodhisattva.servers.core.auth.tokens import Identity

CLAUSE = "AUTH-035"
WRONG = "shows a user's private channel to others"
SAYS = "subscribe was not refused"

check = Permissions.check_channel


def check_as_owner(permissions: Permissions, identity: Identity, channel: str) -> None:
    owner = permissions._service.channel_kind(channel).id_of(channel)
    check(permissions, msgspec.structs.replace(identity, user_id=owner), channel)


def mutate() -> None:
    patch.object(Permissions, "check_channel", check_as_owner).start()
