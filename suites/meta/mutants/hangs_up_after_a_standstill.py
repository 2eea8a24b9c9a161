import time
from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "DEGRADATION-011"
WRONG = "hangs up on everybody once it goes on after a standstill"
SAYS = "the connection ended"

SECONDS = 1.0
ticked = [time.monotonic()]
tick = Server._tick


def tick_or_hang_up(server: Server) -> None:
    before, ticked[0] = ticked[0], time.monotonic()
    if ticked[0] - before > SECONDS:
        for connection in server._connections:
            connection.abort()
    tick(server)


def mutate() -> None:
    patch.object(Server, "_tick", tick_or_hang_up).start()
