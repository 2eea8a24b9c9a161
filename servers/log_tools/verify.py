"""Checks a log: the database, the numbering, every row, and that the state can be rebuilt from it."""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain, islice
from typing import Any

import msgspec

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.domain import State
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.engine.replay import apply_all
from bodhisattva.servers.core.engine.snapshot import unpack
from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.core.log.base import Snapshot, StoredEvent
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.log_tools.progress import Progress
from bodhisattva.servers.log_tools.source import Damaged, Source

_MOST = 100  # problems of one kind that are listed


def problems(source: Source, service: Service | None, progress: Progress) -> Iterator[str]:
    """The problems, a line each; none if the log is sound. service: None leaves the state unchecked."""
    try:
        yield from _problems(source, service, progress)
    except sqlite3.Error as error:
        yield f"the database: {error}"


def check_sound(source: Source, service: Service | None, wrong: str, elsewhere: Iterable[str] = ()) -> None:
    """Refused, with `wrong` and the first problem, if there is one. elsewhere: problems that are known already."""
    for problem in chain(elsewhere, problems(source, service, Progress("check", "events"))):
        raise Refused(f"{wrong}: {problem}")


def _problems(source: Source, service: Service | None, progress: Progress) -> Iterator[str]:
    found = [row for (row,) in source.database.execute(f"PRAGMA integrity_check({_MOST})") if row != "ok"]
    yield from (f"the database: {line}" for row in found for line in str(row).splitlines())
    checker = _Checker(source, service)
    total = source.count()
    yield from checker.before()
    try:
        for done, event in enumerate(source.events(), 1):
            yield from checker.event(event)
            progress.report(done, total)
    except Damaged as damaged:
        yield str(damaged)
        return
    yield from checker.after()
    yield from _answers(source)
    yield from _positions(source)


class _Checker:
    """Checks the events in order, with the next offset of each channel."""

    def __init__(self, source: Source, service: Service | None) -> None:
        self._source = source
        self._service = service
        self._log_starts = source.log_starts()
        self._snapshot = source.snapshot()
        self._state: State | None = None
        self._offsets = dict(self._log_starts)
        self._listed = 0

    def before(self) -> Iterator[str]:
        log_start, snapshot = self._log_starts.get(GLOBAL, 0), self._snapshot
        if log_start and snapshot is None:
            yield f"the events up to {log_start} are removed, and no snapshot stands for them"
        if snapshot is not None and snapshot.seq < log_start:
            covered = f"the snapshot stands for those up to {snapshot.seq} only"
            yield f"the events up to {log_start} are removed, and {covered}"
        if snapshot is not None and snapshot.seq == log_start:
            yield from self._compare(snapshot)
        if self._service is not None:
            yield from self._begin(self._service, snapshot)

    def event(self, event: StoredEvent) -> Iterator[str]:
        yield from self._number(GLOBAL, event.seq, event.seq)
        for channel, offset in event.channels:
            yield from self._number(channel, offset, event.seq)
            yield from self._index(channel, offset, event.seq)
        try:
            datetime.fromisoformat(event.at)
        except ValueError:
            yield f"event {event.seq}: {event.at!r} is no time"
        if self._snapshot is not None and self._snapshot.seq == event.seq:
            yield from self._compare(self._snapshot)
        yield from self._apply(event)

    def after(self) -> Iterator[str]:
        if self._snapshot is not None and self._snapshot.seq > self._offsets.get(GLOBAL, 0):
            yield f"the snapshot stands for the events up to {self._snapshot.seq}, and there are none so late"
        (rows,) = self._source.database.execute("SELECT count(*) FROM channel_events").fetchone()
        if rows != self._listed:
            yield f"the channels list {rows} events, and the events give {self._listed}"

    def _number(self, channel: str, offset: int, seq: int) -> Iterator[str]:
        expected = self._offsets.get(channel, 0) + 1
        if offset != expected:
            yield f"event {seq}: it has offset {offset} on {channel}, where {expected} is due"
        self._offsets[channel] = offset

    def _index(self, channel: str, offset: int, seq: int) -> Iterator[str]:
        self._listed += 1
        query = "SELECT seq FROM channel_events WHERE channel = ? AND offset = ?"
        row = self._source.database.execute(query, (channel, offset)).fetchone()
        if row is None or row[0] != seq:
            listed = f"lists {row[0]}" if row else "lists nothing"
            yield f"event {seq}: {channel} {listed} at offset {offset}"

    def _compare(self, snapshot: Snapshot) -> Iterator[str]:
        differing = sorted(set(snapshot.offsets.items()) ^ set(self._offsets.items()))
        for channel in islice(dict.fromkeys(channel for channel, _ in differing), _MOST):
            claimed, actual = snapshot.offsets.get(channel, 0), self._offsets.get(channel, 0)
            yield f"the snapshot has offset {claimed} of {channel}, which was at {actual}"

    def _begin(self, service: Service, snapshot: Snapshot | None) -> Iterator[str]:
        try:
            self._state = unpack(service, snapshot.state) if snapshot is not None else service.state()
        except Exception as error:  # noqa: BLE001 - whatever a service's own `unpack` raises, too
            yield f"the snapshot is no state of {service.name} ({error})"

    def _apply(self, event: StoredEvent) -> Iterator[str]:
        if self._state is None or (self._snapshot is not None and event.seq <= self._snapshot.seq):
            return
        try:
            apply_all(self._state, [event])
        except Exception as error:  # noqa: BLE001 - whatever a service raises for what is not its own
            self._state = None
            yield f"event {event.seq}: {event.name} cannot be applied to the state ({type(error).__name__})"


def _answers(source: Source) -> Iterator[str]:
    for answer in source.answers():
        try:
            outcome: Any = msgspec.json.decode(answer.outcome, type=Outcome)
            msgspec.json.decode(outcome.data)
        except (msgspec.MsgspecError, TypeError) as error:
            yield f"the answer to {answer.request_id} of {answer.user_id} cannot be decoded ({error})"


def _positions(source: Source) -> Iterator[str]:
    for position in source.positions():
        if not position.source or not position.epoch or position.offset < 0:
            yield f"the position in {position.source!r} is none: {position.epoch!r}, {position.offset}"
