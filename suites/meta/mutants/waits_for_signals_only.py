from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "TLS-018"
WRONG = "does not look at its files by itself"
SAYS = "in vain for: the new certificate is shown"


async def look_away(_: Server) -> None:
    """A signal will tell."""


def mutate() -> None:
    patch.object(Server, "_watch", look_away).start()
