from typing import Any
from unittest.mock import patch

import msgspec

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "PROTOCOL-008"
WRONG = "takes null in place of data for junk"
SAYS = "in vain for the answer to ping 1"


class Strict(Incoming):
    data: dict[str, Any] = msgspec.field(default_factory=dict)


def mutate() -> None:
    patch.object(envelope, "_decoder", msgspec.json.Decoder(Strict)).start()
