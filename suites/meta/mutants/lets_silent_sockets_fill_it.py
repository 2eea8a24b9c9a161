from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "SECURITY-230"
WRONG = "keeps any number of sockets that are no connections"
SAYS = "in vain for: the end of sockets over the limit"
ALSO = ("SECURITY-231", "TLS-230")


def admit(*_: object) -> bool:
    return True


def mutate() -> None:
    patch.object(Server, "_admits", admit).start()
