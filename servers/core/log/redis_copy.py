"""A log in Redis as it is at one moment, copied into a log's file, which every tool reads."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.log import redis_records as records
from bodhisattva.servers.core.log import redis_scripts as scripts
from bodhisattva.servers.core.log import rows
from bodhisattva.servers.core.log.base import LogError, LogUnsound, Position, Snapshot, StoredAnswer, StoredEvent
from bodhisattva.servers.core.log.formats import create
from bodhisattva.servers.core.log.positions import keep_position
from bodhisattva.servers.core.log.redis_connection import Store, failures
from bodhisattva.servers.core.log.redis_records import Keys, answer_decoder, offsets_decoder, position_decoder
from bodhisattva.servers.core.log.trimming import keep_snapshot

_PAGE = 500
Progress = Callable[[int, int], None]


class LogImage(NamedTuple):
    """All of a log but its events, which are those after the log start up to the newest.

    version: of the format. stored: the epoch as it stands there. size: of the events' data, as it stands there.
    """

    version: int
    service: str
    stored: str
    head: str
    size: int
    answers: list[StoredAnswer]
    positions: list[Position]
    snapshot: Snapshot | None
    log_starts: dict[str, int]

    @property
    def epoch(self) -> str:
        return self.stored.rpartition(":")[2]

    @property
    def log_start(self) -> int:
        return self.log_starts.get(GLOBAL, 0)

    @property
    def newest(self) -> int:
        return int(self.head.partition(":")[0] or 0)


async def log_image(store: Store, keys: Keys) -> LogImage | None:
    """None if there is no log; LogError if it cannot be read, LogUnsound if it is none."""
    names = keys.of("meta", "answers", "positions", "snapshot", "floors")
    with failures():
        meta, answers, positions, (seq, offsets, state), log_starts = await store.register_script(scripts.IMAGE)(
            keys=names
        )
    about = {key.decode(): value.decode() for key, value in _pairs(meta)}
    if "epoch" not in about:
        return None
    try:
        return LogImage(
            int(about["format"]),
            about["service"],
            about["epoch"],
            about.get("head", ""),
            int(about.get("size", 0)),
            [answer_decoder.decode(answer) for answer in answers],
            [position_decoder.decode(position) for position in positions],
            Snapshot(int(seq), offsets_decoder.decode(offsets), state) if seq is not None else None,
            {channel.decode(): int(log_start) for channel, log_start in _pairs(log_starts)},
        )
    except (msgspec.DecodeError, KeyError, ValueError) as error:
        raise LogUnsound(f"the log at {keys.base}* cannot be decoded ({error})") from error


async def events(store: Store, keys: Keys, then: LogImage) -> AsyncIterator[list[StoredEvent]]:
    """The events of that moment; LogError if retention has removed some meanwhile, or the log was replaced."""
    entries, meta = keys.of("entries", "meta")
    reader: Any = store
    at, last = then.log_start, then.newest
    while at < last:
        with failures():
            found = await reader.xrange(entries, f"{at + 1}-0", f"{last}-0", count=_PAGE)
        if not found:
            break
        page = [_event(seq.partition(b"-")[0], fields) for seq, fields in found]
        at = page[-1].seq
        yield page
    with failures():
        stored, log_start = await reader.hmget(meta, ["epoch", "floor"])
    if stored != then.stored.encode() or int((log_start or b"0:").partition(b":")[0]) != then.log_start:
        raise LogError(f"the log at {keys.base}* was trimmed or replaced while it was read; try again")


def _event(seq: bytes, fields: dict[bytes, bytes]) -> StoredEvent:
    try:
        return records.event(seq, fields[b"i"], fields[b"m"], fields[b"d"])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError) as error:
        raise LogUnsound(f"event {seq.decode()} cannot be decoded ({error})") from error


async def copy(
    store: Store, keys: Keys, then: LogImage, path: Path, progress: Progress = lambda _done, _all: None
) -> int:
    """Write the log of that moment into a new file; bytes of its events' data. OSError and sqlite3.Error, too."""
    size, done = 0, 0
    with closing(sqlite3.connect(path)) as database:
        create(database, then.service, then.epoch)
        with database:
            rows.put_log_starts(database, then.log_starts)
            for answer in then.answers:
                rows.put_answer(database, answer)
            for position in then.positions:
                keep_position(database, position)
            if then.snapshot is not None:
                keep_snapshot(database, then.snapshot)
            async for page in events(store, keys, then):
                _put(database, page)
                size += sum(len(bytes(event.data)) for event in page)
                done += len(page)
                progress(done, then.newest - then.log_start)
        database.execute("PRAGMA journal_mode=DELETE")
    return size


def _put(database: sqlite3.Connection, page: list[StoredEvent]) -> None:
    try:
        rows.put_events(database, page)
    except sqlite3.IntegrityError as error:
        raise LogUnsound(f"events {page[0].seq} to {page[-1].seq} repeat the numbers of others ({error})") from error


def _pairs(flat: list[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(flat[::2], flat[1::2], strict=True))
