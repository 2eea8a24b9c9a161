from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "DEGRADATION-173"
WRONG = "finds out that its disk takes nothing more only when a command is to be written"
SAYS = "in vain for: /ready without a store"


async def look_away(_server: Server) -> None:
    """What has not failed is taken for working."""


def mutate() -> None:
    patch.object(Server, "look_at_log", look_away).start()
