"""A receiver of a hub that keeps what it is sent; its kernel takes everything."""

import asyncio
import json
from typing import Any, cast

from bodhisattva.chaos.bench.connection import locate_frame
from bodhisattva.servers.core.delivery.outbox import Outbox
from bodhisattva.servers.core.delivery.write_batch import WriteBatch
from bodhisattva.servers.core.transport.lifecycle import Lifecycle


class RecordingReceiver:
    """writes: what the outbox handed over, each time."""

    def __init__(self, batch: WriteBatch, connection_id: str = "listener", user_id: str = "ada") -> None:
        self.connection_id = connection_id
        self.user_id = user_id
        self.writes: list[bytes] = []
        self._batch = batch
        self.outbox = Outbox(cast("asyncio.Transport", self), Lifecycle(), batch, lambda: None)

    @property
    def received(self) -> list[dict[str, Any]]:
        """All events, with those that are due in this iteration of the loop."""
        self._batch.flush()
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
