from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "LIFECYCLE-023"
WRONG = "does not look at its configuration by itself"
SAYS = "in vain for: the changed limit is claimed"

look = Server._look


def look_past(server: Server) -> Any:
    server._file = None
    return look(server)


def mutate() -> None:
    patch.object(Server, "_look", look_past).start()
