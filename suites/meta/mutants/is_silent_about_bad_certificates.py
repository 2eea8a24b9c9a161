from unittest.mock import patch

from bodhisattva.servers.core import server
from bodhisattva.servers.core.config import ConfigError
from bodhisattva.servers.core.server import Server

CLAUSE = "TLS-017"
WRONG = "does not say that a renewed certificate cannot be used"
SAYS = "the log says that the certificate cannot be used"

reload = Server.reload


def reload_if_whole(own: Server) -> None:
    try:
        server.check(own._load())
    except ConfigError:
        return
    reload(own)


def mutate() -> None:
    patch.object(Server, "reload", reload_if_whole).start()
