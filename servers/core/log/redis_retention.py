"""Retention of a log in Redis: the snapshot in place of removed events, the log starts, and the lease."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.log import redis_scripts as scripts
from bodhisattva.servers.core.log.base import LogError, LogLost, LogTrimmed, Snapshot, StoredEvent
from bodhisattva.servers.core.log.redis_connection import Store, failures
from bodhisattva.servers.core.log.redis_records import Keys, offsets_decoder


class ReadPosition(NamedTuple):
    """How far a replica has read the log: its epoch as stored, number and id of the newest event."""

    epoch: str
    seq: str
    id: str


class Trimmed(NamedTuple):
    """size: bytes of the data that is left. log_starts: those that rose."""

    size: int
    log_starts: dict[str, int]


class RedisRetention:
    """See `base.SharedLog`. store: a connection with patience, since a state may be large."""

    def __init__(self, store: Store, keys: Keys, replica: str) -> None:
        self._store: Any = store
        self._keys = keys
        self._replica = replica
        self._lease, self._save = store.register_script(scripts.LEASE), store.register_script(scripts.SAVE_SNAPSHOT)
        self._trim = store.register_script(scripts.TRIM)

    async def lease(self, seconds: float) -> bool:
        with failures():
            held = await self._lease(keys=self._keys.of("keeper"), args=[self._replica, str(round(seconds * 1000))])
        return bool(held)

    async def snapshot(self) -> Snapshot | None:
        with failures():
            seq, offsets, state = await self._store.hmget(self._keys.of("snapshot")[0], ["seq", "offsets", "state"])
        return Snapshot(int(seq), offsets_decoder.decode(offsets), state) if seq is not None else None

    async def id_of(self, seq: int) -> str:
        """The id of the last event that the snapshot stands for, if that is `seq`; LogTrimmed if not."""
        with failures():
            found, event_id = await self._store.hmget(self._keys.of("snapshot")[0], ["seq", "id"])
        if found is None or int(found) != seq:
            raise LogTrimmed(f"the snapshot of the events up to {seq} has made way for another")
        return str(event_id.decode())

    async def log_starts(self, *channels: str) -> dict[str, int]:
        """Of these channels, or of all."""
        (key,) = self._keys.of("floors")
        with failures():
            if not channels:
                return {name.decode(): int(log_start) for name, log_start in (await self._store.hgetall(key)).items()}
            found = await self._store.hmget(key, list(channels))
        return {name: int(log_start) for name, log_start in zip(channels, found, strict=True) if log_start is not None}

    async def save(self, read: ReadPosition, snapshot: Snapshot) -> None:
        arguments: list[str | bytes] = [
            *read,
            str(snapshot.seq),
            msgspec.json.encode(snapshot.offsets),
            snapshot.state,
        ]
        with failures():
            verdict = await self._save(keys=self._keys.of("meta", "entries", "snapshot"), args=arguments)
        _judge(verdict, b"saved")

    async def check_covered(self, upto: int) -> None:
        with failures():
            covered = await self._store.hget(self._keys.of("snapshot")[0], "seq")
        if covered is None or int(covered) < upto:
            raise LogError(f"there is no snapshot of the events up to {upto}")

    async def trim(self, read: ReadPosition, log_start: int, events: Sequence[StoredEvent]) -> Trimmed:
        """Remove the events that come next after the log start."""
        risen = {channel: offset for event in events for channel, offset in event.channels}
        last, size = events[-1], sum(len(bytes(event.data)) for event in events)
        keys = [*self._keys.of("meta", "entries", "snapshot", "floors"), *map(self._keys.channel, risen)]
        arguments: list[str | int] = [*read, log_start, last.seq, last.id, -size]
        for channel, offset in risen.items():
            arguments += [channel, offset]
        with failures():
            verdict, *left = await self._trim(keys=keys, args=arguments)
        _judge(verdict, b"removed")
        return Trimmed(left[0], risen | {GLOBAL: last.seq})


def _judge(verdict: bytes, wanted: bytes) -> None:
    match verdict:
        case b"lost":
            raise LogLost("the log no longer holds what was read from it")
        case b"trimmed":
            raise LogTrimmed("the log no longer holds what comes next")
        case _ if verdict != wanted:
            raise LogError(f"not removed: {verdict.decode()}")
