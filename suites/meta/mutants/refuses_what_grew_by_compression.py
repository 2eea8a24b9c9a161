from unittest.mock import patch

from bodhisattva.servers.core.transport import compression

CLAUSE = "PROTOCOL-151"
WRONG = "measures a message before it is decompressed, too"
SAYS = "a message of the claimed size was not answered"


def mutate() -> None:
    patch.object(compression, "at_worst", int).start()
