from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.transport.websocket import Intake

CLAUSE = "SECURITY-023"
WRONG = "inflates messages also where compression was not agreed on"
SAYS = "1009 == 1002"

reader = Intake.reader


def inflating(intake: Intake, *, deflates: bool) -> Any:
    return reader(intake, deflates=True)


def mutate() -> None:
    patch.object(Intake, "reader", inflating).start()
