import json
from unittest.mock import patch

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "PROTOCOL-001"
WRONG = "leaves the keys of errors out of its pongs"
SAYS = "pong lacks ['error_code', 'error_message']"

pong = envelope.pong


def pong_briefly(request: Incoming) -> bytes:
    whole = json.loads(pong(request))
    return json.dumps({key: whole[key] for key in whole if not key.startswith("error_")}).encode()


def mutate() -> None:
    patch.object(envelope, "pong", pong_briefly).start()
