from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.errors import ErrorCode

CLAUSE = "PROTOCOL-005"
WRONG = "refuses by a code alone, without a word for people"
SAYS = "an empty message"

error = envelope.error


def error_by_code(request: Incoming | None, code: ErrorCode, _message: str, data: Any) -> bytes:
    return error(request, code, "", data)


def mutate() -> None:
    patch.object(envelope, "error", error_by_code).start()
