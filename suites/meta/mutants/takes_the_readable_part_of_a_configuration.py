from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.server import Server

CLAUSE = "LIFECYCLE-015"
WRONG = "puts a limit in force that stands in a configuration that it refuses"
SAYS = "subscribe was refused"

reload = Server.reload


def reload_in_part(server: Server) -> None:
    before = server.config
    reload(server)
    if server.config is before:
        server._policy.limits = replace(before.limits, channels=1)


def mutate() -> None:
    patch.object(Server, "reload", reload_in_part).start()
