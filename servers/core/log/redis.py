"""The log in Redis Streams: shared by all replicas of a service, each of which may append (see `redis_scripts`).

A write is judged by sequence number and id of the event that it was decided upon, so one that was decided upon a
history that is no longer there, because a failover or a flush took it, is found out and not stored.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterPubSub

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.config import LogConfig, without_password
from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.log import redis_formats as formats
from bodhisattva.servers.core.log import redis_records as records
from bodhisattva.servers.core.log import redis_scripts as scripts
from bodhisattva.servers.core.log.base import (
    READ_BYTES,
    AnsweredBefore,
    AppendGrant,
    Entry,
    LogError,
    LogLost,
    LogMoved,
    LogRefused,
    LogTrimmed,
    Position,
    PositionTaken,
    Snapshot,
    StoredAnswer,
    StoredEvent,
    between,
)
from bodhisattva.servers.core.log.redis_connection import FAILURES, check_durability, connect, disconnect, failures
from bodhisattva.servers.core.log.redis_records import Keys, answer_decoder, position_decoder
from bodhisattva.servers.core.log.redis_retention import ReadPosition, RedisRetention

_CHUNK = 500
_ARRIVAL_MS = 500
_GRANT_MS = 1000
_SILENT = 2  # reads without a message, after which one is broadcast: a link can be dead without an end
_DEAF = 6  # reads without a message, after which the broadcast should have arrived
_STATE_PATIENCE = 10  # times the timeout, for a state or many log starts at once


class _Head(NamedTuple):
    """The newest event that was read: its number in the log, and its id."""

    seq: int = 0
    id: str = ""


class RedisLog:
    """See `base.SharedLog`. window: seconds for which answers are kept. folder: for a backup before a migration."""

    def __init__(self, settings: LogConfig, service: str, window: float, folder: Path = Path("state")) -> None:
        self.epoch = ""
        self._fence = ""
        self._folder = folder
        self._settings = settings
        self._service = service
        self._window = window
        self._keys = Keys(settings.prefix, service)
        self.size = 0
        self.log_start = 0
        self._head = _Head()
        self._replica = fresh_id()

    async def open(self) -> None:
        """Connect, check what Redis promises, and find or make the log; LogRefused names what is in the way."""
        self._store = connect(self._settings, self._settings.timeout)
        self._watcher = connect(self._settings, self._settings.timeout + _ARRIVAL_MS / 1000)
        self._patient = connect(self._settings, self._settings.timeout * _STATE_PATIENCE)
        self._retention = RedisRetention(self._patient, self._keys, self._replica)
        register = self._store.register_script
        self._append, self._newer = register(scripts.APPEND), register(scripts.NEWER)
        self._read, self._renew = register(scripts.READ), register(scripts.RENEW)
        self._acquire = register(scripts.ACQUIRE)
        try:
            await check_durability(self._store, self._settings)
            await self._identify("")
            await self._write()
            await self._store.spublish(self._keys.of("said")[0], b"")  # what ACLs allow last: channels, not by default
        except FAILURES as error:
            await self.close()
            where = without_password(self._settings.url or "")
            raise LogRefused(f"the Redis at {where} cannot be used: {error}") from None
        except LogRefused:
            await self.close()
            raise

    async def _identify(self, lost: str) -> None:
        """Take over the log's epoch, making a fresh one if it has none or `lost` is still it."""
        arguments = [lost, records.fence(formats.FORMAT, fresh_id()), str(formats.FORMAT), self._service]
        held = await self._renew(keys=self._keys.of("meta", "entries"), args=arguments)
        stored, version, service = (value.decode() for value in held)
        formats.check(int(version), self._keys)
        if service != self._service:
            raise LogRefused(f"the log at {self._keys.base}* is of {service}, not of {self._service}")
        if int(version) < formats.FORMAT:
            await formats.migrate(self._patient, self._keys, self._folder)
            return await self._identify(lost)
        self._fence, self.epoch = stored, stored.partition(":")[2]
        return None

    async def renew(self) -> None:
        with failures():
            await self._identify(self._fence)

    async def acquire(self, requests: Sequence[tuple[str, str]], since: float) -> AppendGrant | None:
        try:
            wanted = [records.answer_key(*request) for request in requests]
            for key in wanted:
                key.encode()
        except ValueError as error:
            raise LogError(str(error)) from error
        keys = self._keys.of("turn", "queue", "answers", "ages", "positions")
        arguments = [self._replica, str(_GRANT_MS), repr(since), *wanted]
        with failures():
            verdict, *found = await self._acquire(keys=keys, args=arguments)
        if verdict == b"held":
            return None
        answers = [answer_decoder.decode(answer) for answer in found[0]]
        return AppendGrant(answers, [position_decoder.decode(position) for position in found[1]])

    async def append(self, *entries: Entry, more: bool = False) -> None:
        events = [event for entry in entries for event in entry.events]
        try:
            keys, arguments = self._arguments(entries, events, more=more)
        except ValueError as error:  # what is no Unicode
            raise LogError(str(error)) from error
        with failures():
            status, *detail = await self._appended(keys, arguments)
        match status:
            case b"stored":
                self.size = detail[0]
                if events:
                    self._head = _Head(events[-1].seq, events[-1].id)
            case b"behind":
                raise LogMoved("others have appended")
            case b"answered":
                raise AnsweredBefore(answer_decoder.decode(detail[0]).outcome)
            case b"taken":
                raise PositionTaken(position_decoder.decode(detail[0]))
            case b"lost":
                raise _lost()
            case b"trimmed":
                raise _trimmed()
            case _:
                raise LogError(f"not stored: {status.decode()}")

    async def _appended(self, keys: list[str], arguments: list[str | bytes]) -> list[Any]:
        """The script's answer, once as many Redis replicas as are required have what it wrote."""
        if not self._settings.acknowledgements:
            answer: list[Any] = await self._append(keys=keys, args=arguments)
            return answer
        async with self._store.pipeline(transaction=False) as together:
            await self._append(keys=keys, args=arguments, client=cast("Redis", together))
            together.wait(self._settings.acknowledgements, round(self._settings.timeout * 500))
            answer, acknowledged = await together.execute()
        self._check_acknowledged(acknowledged)
        return answer

    def _check_acknowledged(self, number: int) -> None:
        if number < self._settings.acknowledgements:
            raise LogError(f"{number} of {self._settings.acknowledgements} Redis replicas have it")

    def _arguments(
        self, entries: Sequence[Entry], events: Sequence[StoredEvent], *, more: bool
    ) -> tuple[list[str], list[str | bytes]]:
        """Keys and arguments of scripts.APPEND; numbers as strings, since Lua has only floats."""
        keys = self._keys.of("meta", "entries", "answers", "ages", "positions", "turn", "queue", "floors")
        places: dict[str, int] = {}
        for channel in (channel for event in events for channel, _ in event.channels):
            if channel not in places:
                keys.append(self._keys.channel(channel))
                places[channel] = len(keys)
        answers = [entry.answer for entry in entries if entry.answer is not None]
        header: dict[str, Any] = {
            **self._read_position()._asdict(),
            "channels": list(places),
            "replica": self._replica,
            "more": more,
            "answers": [self._answer_header(answer) for answer in answers],
            "positions": [header for entry in entries for header in _position_headers(entry)],
            "events": [
                {"seq": str(e.seq), "channels": [(places[channel], str(offset)) for channel, offset in e.channels]}
                for e in events
            ],
        }
        arguments: list[str | bytes] = [msgspec.json.encode(header), str(_GRANT_MS)]
        arguments += [msgspec.json.encode(answer) for answer in answers]
        for event in events:
            arguments += [event.id, records.rest(event), bytes(event.data)]
        return keys, arguments

    def _answer_header(self, answer: StoredAnswer) -> dict[str, str]:
        key = records.answer_key(answer.user_id, answer.request_id)
        return {"key": key, "at": repr(answer.at), "since": repr(answer.at - self._window)}

    async def recover(self) -> None:
        await self.probe()

    async def probe(self) -> None:
        with failures():
            if self._settings.acknowledgements:
                async with self._store.pipeline(transaction=False) as together:
                    together.hset(self._keys.of("meta")[0], "asked", "1")
                    together.wait(self._settings.acknowledgements, round(self._settings.timeout * 500))
                    _, acknowledged = await together.execute()
                self._check_acknowledged(acknowledged)
            else:
                await self._write()

    async def _write(self) -> None:
        """Write something that means nothing. A Redis that is full, read-only or short of replicas refuses it."""
        await self._store.hset(self._keys.of("meta")[0], "asked", "1")

    async def replay(self, after: int = 0) -> AsyncIterator[Sequence[StoredEvent]]:
        before = self._head
        self._head = _Head(after, await self._retention.id_of(after)) if after else _Head()
        try:
            async for chunk in self.newer():
                yield chunk
        except LogError:
            self._head = before  # as far as it was read, for `check_held`
            raise

    async def check_held(self) -> None:
        with failures():
            verdict, *_ = await self._newer(
                keys=self._keys.of("meta", "entries"), args=[*self._read_position(), "1", str(READ_BYTES)]
            )
        if verdict == b"lost":
            raise _lost()

    async def newer(self) -> AsyncIterator[Sequence[StoredEvent]]:
        keys = self._keys.of("meta", "entries")
        while True:
            with failures():
                answer = await self._newer(keys=keys, args=[*self._read_position(), str(_CHUNK), str(READ_BYTES)])
            verdict, *about = answer
            if verdict == b"lost":
                raise _lost()
            if verdict == b"trimmed":
                raise _trimmed()
            self.size, self.log_start = int(about[0]), int(about[1])
            if verdict == b"current":
                return
            events = [records.event(*fields) for fields in about[2]]
            if [event.seq for event in events] != [self._head.seq + n for n in range(1, len(events) + 1)]:
                raise LogError(f"the log has a hole after {self._head.seq}")
            self._head = _Head(events[-1].seq, events[-1].id)
            yield events

    def _read_position(self) -> ReadPosition:
        return ReadPosition(self._fence, str(self._head.seq), self._head.id)

    async def arrival(self) -> int | None:
        entries = self._keys.of("entries")[0]
        with failures():
            found: Any = await self._watcher.xread({entries: f"{self._head.seq}-0"}, count=1, block=_ARRIVAL_MS)
        return int(found[0][1][-1][0].partition(b"-")[0]) if found else None

    async def broadcast(self, message: bytes) -> int:
        with failures():
            return int(await self._store.spublish(self._keys.of("said")[0], message))

    async def messages(self) -> AsyncIterator[bytes]:
        with failures():
            await self._watcher.initialize()  # a cluster's nodes, or else it is not known where to subscribe
            async with self._watcher.pubsub() as subscription:
                await subscription.ssubscribe(self._keys.of("said")[0])
                sharded = isinstance(subscription, ClusterPubSub)
                receive = subscription.get_sharded_message if sharded else subscription.get_message
                silent = 0
                while silent < _DEAF:
                    message = await receive(timeout=_ARRIVAL_MS / 1000)
                    silent = silent + 1 if message is None else 0
                    if message is not None:
                        yield message["data"] if message["type"] == "smessage" else b""
                    elif silent == _SILENT:
                        await self.broadcast(b"")
        raise LogError("broadcasts do not arrive")

    async def read(self, channel: str, after: int, limit: int) -> Sequence[tuple[int, StoredEvent]]:
        keys = self._keys.of("meta", "entries")
        if channel != GLOBAL:
            keys.append(self._keys.channel(channel))
        with failures():
            verdict, *found = await self._read(keys=keys, args=[self._fence, after, limit, READ_BYTES])
        if verdict == b"lost":
            raise _lost()
        return [(_offset(event, channel), event) for event in (records.event(*fields) for fields in found[0])]

    async def answers(self, since: float) -> Sequence[StoredAnswer]:
        answers, ages = self._keys.of("answers", "ages")
        with failures():
            keys = await self._store.zrangebyscore(ages, since, "+inf")
            found = await self._store.hmget(answers, cast("list[bytes]", keys)) if keys else []
        return [answer_decoder.decode(answer) for answer in found if answer is not None]

    async def positions(self) -> Sequence[Position]:
        with failures():
            found = await self._store.hgetall(self._keys.of("positions")[0])
        return [position_decoder.decode(position) for position in found.values()]

    async def log_starts(self) -> Mapping[str, int]:
        return await self._retention.log_starts()

    async def log_starts_of(self, *channels: str) -> Mapping[str, int]:
        return await self._retention.log_starts(*channels)

    async def lease(self, seconds: float) -> bool:
        return await self._retention.lease(seconds)

    async def snapshot(self) -> Snapshot | None:
        return await self._retention.snapshot()

    async def save(self, snapshot: Snapshot) -> None:
        await self._retention.save(self._read_position(), snapshot)

    async def trim(self, upto: int) -> Mapping[str, int]:
        stand = self._read_position()
        await self._retention.check_covered(upto)
        log_start = (await self._retention.log_starts(GLOBAL)).get(GLOBAL, 0)
        due = await between(self, log_start, upto)
        if not due:
            return {}
        self.size, log_starts = await self._retention.trim(stand, log_start, due)
        return log_starts

    async def close(self) -> None:
        with suppress(*FAILURES):
            await self._store.lrem(self._keys.of("queue")[0], 0, self._replica)
        for store in (self._store, self._watcher, self._patient):
            await disconnect(store)


def _position_headers(entry: Entry) -> list[dict[str, str]]:
    """Of an entry's position, if it has one."""
    position, basis = entry.position, entry.basis
    if position is None:
        return []
    header = {
        "source": position.source,
        "basis": msgspec.json.encode(basis).decode() if basis is not None else "",
        "stored": msgspec.json.encode(position).decode(),
    }
    return [header]


def _lost() -> LogLost:
    return LogLost("the log no longer holds what was read from it")


def _trimmed() -> LogTrimmed:
    return LogTrimmed("the log no longer holds what comes next")


def _offset(event: StoredEvent, channel: str) -> int:
    return event.seq if channel == GLOBAL else dict(event.channels)[channel]
