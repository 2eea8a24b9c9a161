from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "REPLICAS-012"
WRONG = "does not tell its clients that its store is back"
SAYS = "in vain for event server.available"

tell = Server._store_reachable


def tell_the_bad_only(server: Server, reachable: bool) -> None:
    if not reachable:
        tell(server, reachable)


def mutate() -> None:
    patch.object(Server, "_store_reachable", tell_the_bad_only).start()
