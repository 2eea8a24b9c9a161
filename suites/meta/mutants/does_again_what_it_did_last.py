from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.log.base import Entry, StoredEvent

CLAUSE = "DEGRADATION-001"
WRONG = "records once more, at each start, what it recorded last, in case that was cut off"
SAYS = "Left contains one more item: 'session.created'"

start = Engine.start


def again(engine: Engine, event: StoredEvent) -> StoredEvent:
    channels = tuple((channel, engine._reserve(channel)) for channel, _ in event.channels)
    return replace(event, seq=engine._reserve(GLOBAL), id=fresh_id(), channels=channels)


async def start_again(engine: Engine) -> None:
    await start(engine)
    last = engine.offset(GLOBAL)
    if last:
        [(_, event)] = await engine.reading.read(GLOBAL, last - 1, 1)
        engine._append(Entry((again(engine, event),)), lambda durable: None)


def mutate() -> None:
    patch.object(Engine, "start", start_again).start()
