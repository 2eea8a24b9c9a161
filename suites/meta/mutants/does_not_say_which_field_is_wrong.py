from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.errors import InvalidData

CLAUSE = "PROTOCOL-039"
WRONG = "does not say which field of a request is wrong"
SAYS = "no field is named"

convert = envelope.convert


def convert_tersely(data: dict[str, Any], to: type[Any]) -> Any:
    try:
        return convert(data, to)
    except InvalidData as refusal:
        raise InvalidData(refusal.message) from None


def mutate() -> None:
    patch.object(envelope, "convert", convert_tersely).start()
