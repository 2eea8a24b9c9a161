from unittest.mock import patch

from bodhisattva.servers.core.transport.websocket import Intake

CLAUSE = "PROTOCOL-026"
WRONG = "takes messages that are a byte shorter than it claims at most"
SAYS = "before the answer to big"

message_bytes = Intake.message_bytes


def fewer(intake: Intake) -> int:
    return message_bytes(intake) - 1


def mutate() -> None:
    patch.object(Intake, "message_bytes", fewer).start()
