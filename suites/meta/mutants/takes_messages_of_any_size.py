from unittest.mock import patch

from bodhisattva.servers.core.transport.websocket import Intake

CLAUSE = "PROTOCOL-026"
WRONG = "takes messages of any size"
SAYS = "in vain for the connection's end"

BOUNDLESS = 2**31


def boundless(_intake: Intake) -> int:
    return BOUNDLESS


def mutate() -> None:
    patch.object(Intake, "message_bytes", boundless).start()
