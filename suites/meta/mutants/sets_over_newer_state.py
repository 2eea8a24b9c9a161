from unittest.mock import patch

from bodhisattva.servers.fastblocks import domain

CLAUSE = "PROTOCOL-086"
WRONG = "sets state whatever version was expected"
SAYS = "was not refused"


def mutate() -> None:
    patch.object(domain, "_check_version", lambda state, data: None).start()
