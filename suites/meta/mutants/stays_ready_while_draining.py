from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "LIFECYCLE-004"
WRONG = "answers 200 at /ready while it drains"
SAYS = "in vain for: /ready turns 503"


def never_unready(_server: Server) -> None:
    return None


def mutate() -> None:
    patch.object(Server, "not_ready", never_unready).start()
