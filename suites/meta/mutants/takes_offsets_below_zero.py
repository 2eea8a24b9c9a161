from unittest.mock import patch

import msgspec

from bodhisattva.servers.core.connections import requests

CLAUSE = "PROTOCOL-029"
WRONG = "takes any number for the offset of a history"
SAYS = "history was not refused"


class History(msgspec.Struct, frozen=True):
    after: int = 0
    limit: int = 100


def mutate() -> None:
    patch.object(requests, "History", History).start()
