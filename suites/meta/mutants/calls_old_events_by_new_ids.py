from collections.abc import Sequence
from unittest.mock import patch
from uuid import uuid4, uuid5

from msgspec.structs import replace

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.engine.reading import Reading
from bodhisattva.servers.core.log.base import StoredEvent

CLAUSE = "UPGRADE-002"
WRONG = "gives the events of before a restart ids of its own"
SAYS = "At index 0 diff"

SELF = uuid4()

read = Reading.read
start = Engine.start
held: dict[Reading, int] = {}


async def start_and_count(engine: Engine) -> None:
    await start(engine)
    held[engine.reading] = engine.offset(GLOBAL)


async def read_anew(reading: Reading, channel: str, after: int, limit: int) -> Sequence[tuple[int, StoredEvent]]:
    return [
        (offset, replace(event, id=str(uuid5(SELF, event.id))) if event.seq <= held[reading] else event)
        for offset, event in await read(reading, channel, after, limit)
    ]


def mutate() -> None:
    patch.object(Engine, "start", start_and_count).start()
    patch.object(Reading, "read", read_anew).start()
