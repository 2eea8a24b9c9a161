"""The log's port: what an adapter stores and promises.

A log has one epoch, drawn when it is made, and numbers its events from 1 without gaps. Each channel of an event
numbers it too, by exactly one more than the channel's event before. An entry is stored whole or not at all, and a
finished `append` means that it survives the death of the process (protocol 5).

The oldest events may be removed (retention), from all their channels at once, so that what is left of a channel is
its newest events without a gap. A snapshot of the state stands for them when the state is rebuilt.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from bodhisattva.servers.core.errors import Refused

READ_BYTES = 1024 * 1024


class LogError(Exception):
    """The store could not do what was requested; whether an append took effect is not known."""


class LogMoved(LogError):
    """Somebody else appended since the log was last read; nothing was stored: read on, and decide again."""


class LogLost(LogError):
    """The log no longer holds what was read from it: it was flushed, or another server without its tail took over."""


class LogTrimmed(LogError):
    """What comes next was removed: begin with the snapshot, and report that events were skipped."""


class LogUnsound(LogError):
    """What is stored cannot be read as a log; the message names the reason."""


class AnsweredBefore(LogError):
    """The request was answered within the window, here or elsewhere; nothing was stored. outcome: the first answer."""

    def __init__(self, outcome: bytes) -> None:
        super().__init__("answered before")
        self.outcome = outcome


class PositionTaken(LogError):
    """The source's event has taken effect, here or elsewhere; nothing was stored. position: the newest that has."""

    def __init__(self, position: "Position") -> None:
        super().__init__("taken in before")
        self.position = position


class LogRefused(Refused):
    """The store cannot be opened: in use, of a newer format, or another service's."""


class StoredEvent(msgspec.Struct, frozen=True):
    """An event as recorded.

    seq: its number in the log, which is its offset on `global`. at: ISO 8601, UTC.
    channels: (channel, offset) of each channel besides `global`. data: JSON. trace: the W3C traceparent of what
    brought it about, where the service keeps traces.
    """

    seq: int
    id: str
    name: str
    at: str
    channels: tuple[tuple[str, int], ...]
    data: msgspec.Raw
    trace: str | None = None


# The channels of an event as JSON, as a store keeps them.
channels_decoder = msgspec.json.Decoder(tuple[tuple[str, int], ...])


class StoredAnswer(msgspec.Struct, frozen=True):
    """The outcome of a command, kept for the deduplication window (1.2).

    at: seconds since 1970. outcome: JSON of `deduplication.Outcome`.
    """

    user_id: str
    request_id: str
    at: float
    outcome: bytes


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """An event of a bridge's source that has taken effect: where it stood, and its id."""

    offset: int
    id: str


class Position(msgspec.Struct, frozen=True):
    """How far a bridge has come in its source.

    at: when its last event happened, by the source's clock; empty where that is not known. marks: some of the events
    up to there, in order, by which a replaced log is distinguished from its continuation (see `bridges.block_locator`).
    """

    source: str
    epoch: str
    offset: int
    at: str = ""
    marks: tuple[Mark, ...] = ()

    def is_where(self, other: "Position | None") -> bool:
        """Whether both are the same place of the same log."""
        return other is not None and self._place == other._place

    def follows(self, stored: "Position | None", basis: "Position | None") -> bool:
        """Whether it may replace what is stored: that is the basis, from which it was read on."""
        return stored.is_where(basis) if stored is not None else basis is None

    def covers(self, other: "Position") -> bool:
        """Whether the event at another place has taken effect by this one, as far as the marks show."""
        same_log = set(other.marks[-1:]) >= {mark for mark in self.marks if mark.offset == other.offset}
        return self.epoch == other.epoch and self.offset >= other.offset and same_log

    @property
    def _place(self) -> tuple[str, int, tuple[Mark, ...]]:
        """A log that was replaced may give the same epoch and offset to another event."""
        return self.epoch, self.offset, self.marks[-1:]


class Entry(msgspec.Struct, frozen=True):
    """What one decision stores, in one transaction.

    basis: the stored position that `position` may replace, None where there was none: what a bridge reads now was told
    from there on.
    """

    events: tuple[StoredEvent, ...] = ()
    answer: StoredAnswer | None = None
    position: Position | None = None
    basis: Position | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """The service's state after the event `seq`, instead of the events up to there.

    offsets: of each channel's newest event by then, `global` included. state: as `core.snapshot` writes it.
    """

    seq: int
    offsets: dict[str, int]
    state: bytes


def within_budget(events: Iterable[tuple[int, StoredEvent]]) -> list[tuple[int, StoredEvent]]:
    """The first of `events` whose data together stays within READ_BYTES, but at least one."""
    chosen: list[tuple[int, StoredEvent]] = []
    size = 0
    for offset, event in events:
        size += len(bytes(event.data))
        if chosen and size > READ_BYTES:
            break
        chosen.append((offset, event))
    return chosen


async def pages(log: "Log", after: int, size: int = 1000) -> AsyncIterator[Sequence[StoredEvent]]:
    """The events after a number, read without taking notice of what else is read; LogTrimmed where one is missing."""
    while page := await log.read("global", after, size):
        for seq, _ in page:
            if seq != after + 1:
                raise LogTrimmed(f"the log no longer holds {after + 1}")
            after = seq
        yield [event for _, event in page]


async def between(log: "Log", after: int, upto: int) -> list[StoredEvent]:
    """The events after a number up to another one, as `pages` has them."""
    found: list[StoredEvent] = []
    if after < upto:
        async for page in pages(log, after, min(upto - after, 1000)):
            found += [event for event in page if event.seq <= upto]
            if page[-1].seq >= upto:
                break
    return found


class Log(Protocol):
    """One service's log: what is the same for a log of one process and a shared one.

    probe: write something that means nothing; LogError if it cannot be written.
    recover: take appends again; LogError as long as nothing can be written.
    read: up to `limit` events of a channel after an offset, each as (offset, event), in order; fewer where their
        data exceeds READ_BYTES, but at least one if there is one. Removed events are passed over.
    replay: every event after the number `after`; that is 0 or the snapshot's, or else LogTrimmed.
    size: bytes of the data of the events that are held.
    log_starts: for each channel that events were removed from, the offset of the last one that was.
    save: keep this snapshot instead of an earlier one; a later one stays.
    trim: remove the events up to the number `upto` and give the log starts that rose; LogError, and nothing is
        removed, if the snapshot does not reach so far.
    """

    @property
    def epoch(self) -> str: ...

    @property
    def size(self) -> int: ...

    async def open(self) -> None: ...

    def replay(self, after: int = 0) -> AsyncIterator[Sequence[StoredEvent]]: ...

    async def probe(self) -> None: ...

    async def recover(self) -> None: ...

    async def read(self, channel: str, after: int, limit: int) -> Sequence[tuple[int, StoredEvent]]: ...

    async def answers(self, since: float) -> Sequence[StoredAnswer]: ...

    async def positions(self) -> Sequence[Position]: ...

    async def log_starts(self) -> Mapping[str, int]: ...

    async def snapshot(self) -> Snapshot | None: ...

    async def save(self, snapshot: Snapshot) -> None: ...

    async def trim(self, upto: int) -> Mapping[str, int]: ...

    async def close(self) -> None: ...


class LocalLog(Log, Protocol):
    """A log that only this process appends to.

    append: call in order of `seq`; the future is done once the entry is durable, LogError otherwise.
        After a LogError every further append fails too, since it was decided on what is not there, until `recover`.
    """

    def append(self, entry: Entry) -> "asyncio.Future[None]": ...


class AppendGrant(NamedTuple):
    """What the holder of the grant decides on: the answers that it requested, and the positions of all bridges."""

    answers: Sequence[StoredAnswer]
    positions: Sequence[Position]


class SharedLog(Log, Protocol):
    """A log that other processes append to as well.

    It keeps how far it was read: up to the last event that `replay`, `newer` or an `append` of its own gave. Of the
    calls from `acquire` to `renew` only one may run at a time. Each call raises LogError if the store does not answer
    (whether an `append` took effect is then not known), LogLost, and LogTrimmed if what was not read is removed.

    acquire: ask for the grant to append, and the answers to some requests since a time; None while another holds it.
        A replica that got None stands in a queue, and has to try again. A grant ends with `append`, or by itself after
        a second.
    append: append, together, what was decided on the log as far as it was read (compare and append); more: keep the
        grant if no replica waits. LogMoved (always, where another holds the grant), AnsweredBefore, PositionTaken.
    check_held: LogLost if the log no longer holds what was read from it.
    newer: what others appended since.
    renew: after LogLost, see to it that the log has another epoch, and take that over.
    log_start: the number of the last event that was removed, when the log was last read.
    log_starts_of: of some channels, those that events were removed from.
    lease: hold the right to trim the log, for so many seconds from now (0: no longer); False while another holds it.
        It keeps replicas from doing the same twice; `save` and `trim` are safe without it.
    arrival: wait for an event that is newer than what was read, and give its number; None if none comes for a moment.
    broadcast: send bytes to every process that has the log open, which nobody keeps; how many received them.
    messages: the bytes that are broadcast, until LogError; the first are empty, once the subscription stands.
    """

    async def acquire(self, requests: Sequence[tuple[str, str]], since: float) -> AppendGrant | None: ...

    async def append(self, *entries: Entry, more: bool = False) -> None: ...

    async def check_held(self) -> None: ...

    def newer(self) -> AsyncIterator[Sequence[StoredEvent]]: ...

    async def renew(self) -> None: ...

    @property
    def log_start(self) -> int: ...

    async def log_starts_of(self, *channels: str) -> Mapping[str, int]: ...

    async def lease(self, seconds: float) -> bool: ...

    async def arrival(self) -> int | None: ...

    async def broadcast(self, message: bytes) -> int: ...

    def messages(self) -> AsyncIterator[bytes]: ...
