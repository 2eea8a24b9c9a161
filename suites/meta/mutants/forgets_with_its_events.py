from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.engine import engine
from bodhisattva.servers.core.engine.replay import Replayed, apply_all, replay
from bodhisattva.servers.core.log.base import Log
from bodhisattva.servers.core.service import Service

CLAUSE = "UPGRADE-022"
WRONG = "forgets what happened together with the events that retention removes"
SAYS = "NOT_FOUND"


async def replay_what_is_left(service: Service, log: Log, **options: Any) -> Replayed:
    """The offsets are right, and the state is that of the events that are still held."""
    whole = await replay(service, log, **options)
    state = service.state()
    async for chunk in log.replay((await log.floors()).get(GLOBAL, 0)):
        apply_all(state, chunk)
    return whole._replace(state=state)


def mutate() -> None:
    patch.object(engine, "replay", replay_what_is_left).start()
