from unittest.mock import patch

from bodhisattva.servers.core.config import ConfigError
from bodhisattva.servers.core.server import Server

CLAUSE = "LIFECYCLE-015"
WRONG = "does not say that a reload was refused"
SAYS = "in vain for: the log names the broken setting"

reload = Server.reload


def reload_or_not(server: Server) -> None:
    try:
        server._load()
    except ConfigError:
        return
    reload(server)


def mutate() -> None:
    patch.object(Server, "reload", reload_or_not).start()
