from unittest.mock import patch

import msgspec

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "PROTOCOL-007"
WRONG = "refuses messages that have a key it does not know"
SAYS = "in vain for the answer to"


class Strict(Incoming, forbid_unknown_fields=True):
    pass


def mutate() -> None:
    patch.object(envelope, "_decoder", msgspec.json.Decoder(Strict)).start()
