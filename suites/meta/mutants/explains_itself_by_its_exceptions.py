from typing import Any
from unittest.mock import patch

import msgspec

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.errors import InvalidData

CLAUSE = "PROTOCOL-027"
WRONG = "puts the text of its exceptions into its errors"
SAYS = "the message shows"

convert = envelope.convert


def convert_aloud(data: dict[str, Any], to: type[Any]) -> Any:
    try:
        return convert(data, to)
    except InvalidData as refusal:
        cause = msgspec.ValidationError(refusal.message)
        raise InvalidData(repr(cause), **refusal.data) from None


def mutate() -> None:
    patch.object(envelope, "convert", convert_aloud).start()
