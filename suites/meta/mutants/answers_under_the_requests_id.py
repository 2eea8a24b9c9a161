import json
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core import envelope

CLAUSE = "PROTOCOL-003"
WRONG = "gives an answer the id of its request"
SAYS = "a request's id is used again"

answer = envelope._answer


def answer_as(*given: Any) -> bytes:
    whole = json.loads(answer(*given))
    return json.dumps({**whole, "id": whole["correlation_id"] or whole["id"]}).encode()


def mutate() -> None:
    patch.object(envelope, "_answer", answer_as).start()
