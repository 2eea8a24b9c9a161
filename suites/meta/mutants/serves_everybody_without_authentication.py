from unittest.mock import patch

from bodhisattva.servers.core.auth import verification

CLAUSE = "LIFECYCLE-014"
WRONG = "listens to the whole network with authentication disabled"
SAYS = "in vain for: the end of"


def anywhere(_host: str) -> bool:
    return True


def mutate() -> None:
    patch.object(verification, "is_loopback", anywhere).start()
