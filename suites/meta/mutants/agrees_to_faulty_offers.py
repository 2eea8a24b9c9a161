from unittest.mock import patch

from bodhisattva.servers.core.transport import compression

CLAUSE = "PROTOCOL-240"
WRONG = "agrees to every offer of compression, whatever its parameters"
SAYS = "offer 'permessage-deflate; server_no_context_takeover"


def accept_anything(_parameters: str) -> str:
    return compression.EXTENSION


def mutate() -> None:
    patch.object(compression, "_accept", accept_anything).start()
