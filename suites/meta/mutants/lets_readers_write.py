from unittest.mock import patch

from bodhisattva.servers.core.auth.permissions import Permissions

CLAUSE = "AUTH-031"
WRONG = "executes commands of users who may only read"
SAYS = "was not refused"


def mutate() -> None:
    patch.object(Permissions, "check_command", Permissions.check_query).start()
