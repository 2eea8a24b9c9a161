from unittest.mock import patch

from bodhisattva.servers.core.host import Host

CLAUSE = "CROSS-001"
WRONG = "connects to other services without a token"
SAYS = "in vain for event knowledge.captured"
ALSO = ("CROSS-008",)


def no_token(*_: object) -> None:
    return None


def mutate() -> None:
    patch.object(Host, "_token_source", no_token).start()
