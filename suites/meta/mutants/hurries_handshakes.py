from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.server import Server

CLAUSE = "SECURITY-031"
WRONG = "gives a TLS handshake and the upgrade no longer than the first message"
SAYS = "DID NOT RAISE"

opened = Server.open


async def open_in_a_hurry(server: Server) -> None:
    given = server.config
    server.config = replace(given, timeouts=replace(given.timeouts, handshake=given.timeouts.auth))
    await opened(server)
    server.config = given


def mutate() -> None:
    patch.object(Server, "open", open_in_a_hurry).start()
