from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "TLS-017"
WRONG = "listens no more once a renewed certificate cannot be used"
SAYS = "assert None == b"

reload = Server.reload


def reload_or_close(server: Server) -> None:
    before = server.config
    reload(server)
    if server.config is before and server._acceptor is not None:
        server._acceptor.close()


def mutate() -> None:
    patch.object(Server, "reload", reload_or_close).start()
