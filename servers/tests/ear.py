"""One who listens to a hub, and whose kernel takes all that it is sent."""

import asyncio
import json
from typing import Any, cast

from bodhisattva.chaos.bench.connection import locate_frame
from bodhisattva.servers.core.transport.outbox import Outbox, Turn


class Ear:
    """writes: what the outbox handed over, each time."""

    def __init__(self, turn: Turn, connection_id: str = "listener", user_id: str = "ada") -> None:
        self.connection_id = connection_id
        self.user_id = user_id
        self.writes: list[bytes] = []
        self._turn = turn
        self.outbox = Outbox(cast("asyncio.Transport", self), turn, lambda: None)

    @property
    def heard(self) -> list[dict[str, Any]]:
        """All events, with those that are due in this turn of the loop."""
        self._turn.flush()
        stream, at, events = b"".join(self.writes), 0, []
        while (found := locate_frame(stream, at)) is not None:
            events.append(json.loads(stream[found.payload : found.end]))
            at = found.end
        return events

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def get_extra_info(self, _name: str) -> None:
        """It is no socket."""

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False
