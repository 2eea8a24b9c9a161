from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.connections import catchup
from bodhisattva.servers.core.engine.hub import numbered
from bodhisattva.servers.core.log.base import StoredEvent

CLAUSE = "PROTOCOL-048"
WRONG = "gives a replayed event an id of its own"
SAYS = "At index 0 diff"


def numbered_anew(event: StoredEvent, channel: str, offset: int, epoch: str) -> bytes:
    return numbered(replace(event, id=envelope.fresh_id()), channel, offset, epoch)


def mutate() -> None:
    patch.object(catchup, "numbered", numbered_anew).start()
