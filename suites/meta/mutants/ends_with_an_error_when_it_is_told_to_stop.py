import os
from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "LIFECYCLE-002"
WRONG = "ends with 1 when it is told to stop, as if that were a failure"
SAYS = "1 == 0"

stop = Server.stop


async def stop_badly(server: Server) -> None:
    await stop(server)
    os._exit(1)


def mutate() -> None:
    patch.object(Server, "stop", stop_badly).start()
