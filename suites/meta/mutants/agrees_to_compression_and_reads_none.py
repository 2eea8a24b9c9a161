from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.transport.websocket import Intake

CLAUSE = "PROTOCOL-150"
WRONG = "agrees to compression, and takes compressed messages for a violation"
SAYS = "Opcode.TEXT"

reader = Intake.reader


def never_inflating(intake: Intake, *, deflates: bool) -> Any:
    return reader(intake, deflates=False)


def mutate() -> None:
    patch.object(Intake, "reader", never_inflating).start()
