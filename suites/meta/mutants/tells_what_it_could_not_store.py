import asyncio
from unittest.mock import patch

from bodhisattva.servers.core.engine.engine import Engine

CLAUSE = "DEGRADATION-021"
WRONG = "tells subscribers of an event that it could not store"
SAYS = "what was refused is heard"

settled = Engine._settled


def settled_or_told(engine: Engine, future: "asyncio.Future[None]") -> None:
    if future.exception() is not None:
        for event in engine._pending[0].events:
            engine._hub.publish(event)
    settled(engine, future)


def mutate() -> None:
    patch.object(Engine, "_settled", settled_or_told).start()
