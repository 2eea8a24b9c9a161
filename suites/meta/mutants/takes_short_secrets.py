from unittest.mock import patch

from bodhisattva.servers.core.auth import keys

CLAUSE = "LIFECYCLE-012"
WRONG = "starts with a secret that is short"
SAYS = "in vain for: the end of"


def mutate() -> None:
    patch.object(keys, "MINIMUM_SECRET_BYTES", 8).start()
