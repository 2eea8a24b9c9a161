from unittest.mock import patch

from bodhisattva.servers.core.auth import keys

CLAUSE = "LIFECYCLE-012"
WRONG = "starts with a secret that everybody can read in its documents"
SAYS = "in vain for: the end of"


def mutate() -> None:
    patch.object(keys, "PUBLISHED_SECRETS", ()).start()
