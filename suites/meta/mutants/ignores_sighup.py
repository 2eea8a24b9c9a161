from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "LIFECYCLE-016"
WRONG = "ignores SIGHUP"
SAYS = "in vain for: the new limit is claimed"


def ignore(_server: Server) -> None:
    """Everything stays as it is."""


def mutate() -> None:
    patch.object(Server, "reload", ignore).start()
