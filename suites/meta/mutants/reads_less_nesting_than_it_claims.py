from unittest.mock import patch

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "PROTOCOL-025"
WRONG = "reads a level of nesting less than it claims"
SAYS = "in vain for the answer to deep"

decode = envelope.decode


def decode_less(text: str, nesting: int) -> Incoming:
    return decode(text, nesting - 1)


def mutate() -> None:
    patch.object(envelope, "decode", decode_less).start()
