from typing import Any
from unittest.mock import patch

from aiohttp import WSMessage

from bodhisattva.servers.core.transport.websocket import Intake

CLAUSE = "SECURITY-015"
WRONG = "takes the continuation of nothing for a message"
SAYS = "1006 == 1002"

TEXT = 0x1
OPCODE = 0x0F

parse = Intake.parse


def parse_as_text(intake: Intake, reader: Any, data: bytes) -> tuple[list[WSMessage], BaseException | None]:
    messages, violation = parse(intake, reader, data)
    if violation is None or data[0] & OPCODE:
        return messages, violation
    return parse(intake, intake.reader(deflates=False), bytes([data[0] | TEXT]) + data[1:])


def mutate() -> None:
    patch.object(Intake, "parse", parse_as_text).start()
