from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.transport.websocket import Intake

CLAUSE = "PROTOCOL-151"
WRONG = "takes messages of any size if they are compressed"
SAYS = "1006 == 1009"

BOUNDLESS = 2**31

message_bytes = Intake.message_bytes
reader = Intake.reader
inflating: list[Intake] = []


def boundless_where_compressed(intake: Intake, *, deflates: bool) -> Any:
    if deflates:
        inflating.append(intake)
    return reader(intake, deflates=deflates)


def boundless_from_then_on(intake: Intake) -> int:
    return BOUNDLESS if intake in inflating else message_bytes(intake)


def mutate() -> None:
    patch.object(Intake, "reader", boundless_where_compressed).start()
    patch.object(Intake, "message_bytes", boundless_from_then_on).start()
