import asyncio
from unittest.mock import patch

from bodhisattva.servers.core.engine.hub import Hub
from bodhisattva.servers.core.transport.outbox import Outbox

CLAUSE = "PERFORMANCE-002"
WRONG = "sends events that were committed together in reverse order"
SAYS = "== [0, 1, 2, 3"

together: dict[str, list[tuple[bytes, list[Outbox]]]] = {}


def push_later(hub: Hub, channel: str, frame: bytes) -> None:
    batch = together.setdefault(channel, [])
    batch.append((frame, list(hub._receivers[channel])))
    if len(batch) == 1:
        asyncio.get_running_loop().call_soon(push_reversed, channel)


def push_reversed(channel: str) -> None:
    for frame, outboxes in reversed(together.pop(channel)):
        for outbox in outboxes:
            outbox.push(frame)


def mutate() -> None:
    patch.object(Hub, "_push", push_later).start()
