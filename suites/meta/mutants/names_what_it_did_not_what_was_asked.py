from typing import Any
from unittest.mock import patch

import msgspec

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.envelope import Incoming

CLAUSE = "PROTOCOL-006"
WRONG = "names an answer after what was done, not after the request"
SAYS = "'subscribed' == 'subscribe'"

response = envelope.response


def response_of_done(request: Incoming, data: Any) -> bytes:
    done = "subscribed" if request.event == "subscribe" else request.event
    return response(msgspec.structs.replace(request, event=done), data)


def mutate() -> None:
    patch.object(envelope, "response", response_of_done).start()
