from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "DEGRADATION-020"
WRONG = "answers 200 at /ready while it cannot store anything"
SAYS = "/ready is 200 without a store"


def ready_unless_draining(server: Server) -> str | None:
    return "draining" if server.draining else None


def mutate() -> None:
    patch.object(Server, "not_ready", ready_unless_draining).start()
