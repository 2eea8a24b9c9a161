import socket
from unittest.mock import patch

from bodhisattva.servers.core.transport import acceptor

CLAUSE = "LIFECYCLE-010"
WRONG = "ends with a traceback if its port is in use"
SAYS = "it ended with 1"


def listen(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port))


def mutate() -> None:
    patch.object(acceptor, "listen", listen).start()
