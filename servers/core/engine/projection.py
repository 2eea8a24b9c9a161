"""The state that a log gives, and how far the log has come: in events delivered, offsets reserved, events removed."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.domain import State
from bodhisattva.servers.core.engine.deduplication import Answers
from bodhisattva.servers.core.engine.replay import apply_all, replay
from bodhisattva.servers.core.log.base import Log, Position, StoredEvent
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.core.telemetry.metrics import Metrics


class Projection:
    """Built from the log by `rebuild`, and kept in step with it event by event.

    available: whether state and log are in step, so that requests may use the state.
    positions: of the bridges, by source. log_starts_read_at: the log start when those of all channels were read.
    """

    def __init__(self, service: Service, log: Log, hub: Hub, answers: Answers, metrics: Metrics) -> None:
        self.service = service
        self.log = log
        self.answers = answers
        self.available = False
        self.state: State = service.state()
        self.positions: dict[str, Position] = {}
        self.log_starts_read_at = 0
        self._hub = hub
        self._trimmed = metrics.log_trimmed
        self._delivered: dict[str, int] = {}
        self._reserved: dict[str, int] = {}
        self._log_starts: dict[str, int] = {}
        self._changed = asyncio.Event()

    def offset(self, channel: str) -> int:
        """The offset of the channel's last durable event, 0 if it has none."""
        return self._delivered.get(channel, 0)

    def log_start(self, channel: str) -> int:
        """The offset after which the channel is held: that of the last event that retention removed, or 0."""
        return self._log_starts.get(channel, 0)

    def note_trimmed(self, log_starts: Mapping[str, int]) -> None:
        """Take over the log starts that have risen because events were removed."""
        risen = {channel: offset for channel, offset in log_starts.items() if offset > self.log_start(channel)}
        self._trimmed.inc(risen.get(GLOBAL, self.log_start(GLOBAL)) - self.log_start(GLOBAL))
        self._log_starts |= risen

    def reserve(self, channel: str) -> int:
        """The next offset of a channel, behind its events that are durable and those under way."""
        offset = max(self._reserved.get(channel, 0), self.offset(channel)) + 1
        self._reserved[channel] = offset
        return offset

    def deliver(self, events: Iterable[StoredEvent]) -> None:
        """Publish durable events that the state already holds."""
        event = None
        for event in events:
            self._delivered[GLOBAL] = event.seq
            self._delivered.update(event.channels)
            self._hub.publish(event)
        if event is not None:
            self.announce_change()

    def apply_and_deliver(self, events: Sequence[StoredEvent]) -> None:
        """Take in durable events that another replica appended."""
        for event in events:
            apply_all(self.state, (event,))
            self.deliver((event,))

    async def changed(self) -> None:
        """Wait for the next durable event, or the next recovery."""
        await self._changed.wait()

    def announce_change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def rebuild(self, delivered: int | None = None) -> None:
        """Replace the state by what the log holds, and deliver its events after the number `delivered`.

        None: whatever subscribers were sent before, nothing is delivered now. Raises what `replay` raises.
        """
        replayed = await replay(self.service, self.log, newer_than=delivered)
        answers = await self.log.answers(time.time() - self.answers.window)
        positions = await self.log.positions()
        log_starts = await self.log.log_starts()
        self.state = replayed.state
        self.positions = {position.source: position for position in positions}
        self.answers.load(answers)
        self._reserved = {}
        if delivered is None:
            self._log_starts = {}
        self._log_starts |= {channel: max(start, self.log_start(channel)) for channel, start in log_starts.items()}
        self.log_starts_read_at = self.log_start(GLOBAL)
        self._hub.epoch = self.log.epoch
        self.deliver(replayed.newer)
        self._delivered = replayed.offsets
        self.available = True
        self.announce_change()
