import time
from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "SECURITY-230"
WRONG = "does nothing else for seconds whenever it turns a socket away"
SAYS = "in vain for the answer to"
ALSO = ("SECURITY-231", "TLS-230")

admits = Server._admits


def admit_or_stand_still(server: Server, sockets: int) -> bool:
    admitted = admits(server, sockets)
    if not admitted:
        time.sleep(2)
    return admitted


def mutate() -> None:
    patch.object(Server, "_admits", admit_or_stand_still).start()
