from unittest.mock import patch

from bodhisattva.servers.core.transport import masking

CLAUSE = "SECURITY-024"
WRONG = "bears a message in small fragments for as long as it takes"
SAYS = "one fragment more"

ENDLESS = 2**62


def mutate() -> None:
    patch.object(masking, "MOST_SMALL", ENDLESS).start()
