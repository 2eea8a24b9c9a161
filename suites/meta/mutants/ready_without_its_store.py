from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "REPLICAS-011"
WRONG = "says that it is ready while its store is gone"
SAYS = "in vain for: /ready to answer 503"


def ready(_: Server) -> None:
    return None


def mutate() -> None:
    patch.object(Server, "not_ready", ready).start()
