import asyncio
from itertools import islice
from unittest.mock import patch

import msgspec

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.engine.waiting import Ready
from bodhisattva.servers.core.log.base import StoredEvent
from bodhisattva.servers.core.replicas.replica import Replica

CLAUSE = "REPLICAS-005"
WRONG = "decides on the state that it has, and stores that wherever the log has come to meanwhile"
SAYS = "set version"
ALSO = ("REPLICAS-006",)


async def execute(replica: Replica) -> None:
    while replica._commands and replica._say(replica._commands[0]):
        pass
    batch = list(islice(replica._commands, 200))
    if not batch:
        return
    ready = replica._decide_all(batch, {})
    turn = None
    while turn is None:
        turn = await replica._shared.take([], 0)
        await asyncio.sleep(0.01)
    await replica._read_on()
    ends: dict[str, int] = {}
    moved = [_moved(replica, each, ends) for each in ready]
    await replica._shared.propose(*(each.entry for each in moved))
    replica._ahead = False
    for each in moved:
        replica._finish(each)


def _moved(replica: Replica, ready: Ready, ends: dict[str, int]) -> Ready:
    """The same decision behind what the log holds by now."""

    def place(channel: str) -> int:
        ends[channel] = ends.get(channel, replica.offset(channel)) + 1
        return ends[channel]

    events: list[StoredEvent] = []
    for event in ready.entry.events:
        channels = tuple((channel, place(channel)) for channel, _ in event.channels)
        events.append(msgspec.structs.replace(event, seq=place(GLOBAL), channels=channels))
    return ready._replace(entry=msgspec.structs.replace(ready.entry, events=tuple(events)))


def mutate() -> None:
    patch.object(Replica, "_execute", execute).start()
