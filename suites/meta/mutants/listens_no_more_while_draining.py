from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "LIFECYCLE-005"
WRONG = "takes no more requests on the connections that it has as soon as it drains"
SAYS = "in vain for the answer to"

drain = Server.drain


async def drain_deafly(server: Server) -> None:
    for connection in server._connections:
        connection.session.end()
    await drain(server)


def mutate() -> None:
    patch.object(Server, "drain", drain_deafly).start()
