"""Writes a log's file into Redis under temporary keys, then swaps it in for the present log at once."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from bodhisattva.servers.core.channels import GLOBAL
from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.core.log import redis_records as records
from bodhisattva.servers.core.log.base import StoredEvent
from bodhisattva.servers.core.log.redis_formats import FORMAT
from bodhisattva.servers.core.log.redis_records import STORED, Keys, answer_key, fence
from bodhisattva.servers.log_tools.progress import Progress
from bodhisattva.servers.log_tools.source import Source

_PAGE = 500
_REMOVED = "removed"  # stands for the id of a removed event

# KEYS: meta, the keys to delete, then each key to rename and its new name.
# ARGV: how many to delete, then the epoch and the head that the log must still have.
_SWAP = """
local held = redis.call('HMGET', KEYS[1], 'epoch', 'head')
if (held[1] or '') ~= ARGV[2] or (held[2] or '') ~= ARGV[3] then return 0 end
local old = tonumber(ARGV[1])
for number = old + 2, #KEYS, 2 do
    if redis.call('EXISTS', KEYS[number]) == 0 then return 0 end
end
for number = 2, old + 1 do redis.call('UNLINK', KEYS[number]) end
for number = old + 2, #KEYS, 2 do redis.call('RENAME', KEYS[number], KEYS[number + 1]) end
return 1
"""


async def load(store: Any, keys: Keys, source: Source, epoch: str) -> None:
    """Replace the log at these keys by the file's, with an epoch; Refused if it changes meanwhile."""
    (meta,) = keys.of("meta")
    before = [value.decode() if value else "" for value in await store.hmget(meta, ["epoch", "head"])]
    await _clear(store, f"{keys.base}new:*")
    new = keys.beside(f"new:{fresh_id()}:")
    try:
        await _write(store, new, source, epoch)
        made = [key async for key in store.scan_iter(match=f"{new.base}*", count=_PAGE)]
        old = [*keys.of(*STORED), *[key async for key in store.scan_iter(match=f"{keys.channel('')}*", count=_PAGE)]]
        names = [meta, *old]
        for key in made:
            names += [key, keys.base.encode() + key.removeprefix(new.base.encode())]
        if not await store.register_script(_SWAP)(keys=names, args=[len(old), *before]):
            raise Refused(f"the log at {keys.base}* has changed meanwhile; stop what writes to it")
    finally:
        await _clear(store, f"{keys.base}new:*")


async def _clear(store: Any, pattern: str) -> None:
    """Delete the keys that a failed attempt has left."""
    async for key in store.scan_iter(match=pattern, count=_PAGE):
        await store.unlink(key)


async def _write(store: Any, keys: Keys, source: Source, epoch: str) -> None:
    progress, ids, size, done = Progress("write", "events"), _Ids(source), 0, 0
    entries, answers, ages, positions, log_starts, snapshots, meta = keys.of(
        "entries", "answers", "ages", "positions", "floors", "snapshot", "meta"
    )
    for page in _pages(source.events()):
        async with store.pipeline(transaction=False) as together:
            for event in page:
                fields = {"i": event.id, "m": records.rest(event), "d": bytes(event.data)}
                together.xadd(entries, fields, id=f"{event.seq}-0")
                for channel, offset in event.channels:
                    together.xadd(keys.channel(channel), {"s": event.seq}, id=f"{offset}-0")
                size += len(fields["d"])
                ids.note(event)
            await together.execute()
        done += len(page)
        progress.report(done)
    for answer in source.answers():
        key = answer_key(answer.user_id, answer.request_id)
        await store.hset(answers, key, msgspec.json.encode(answer))
        await store.zadd(ages, {key: answer.at})
    for position in source.positions():
        await store.hset(positions, position.source, msgspec.json.encode(position))
    if held := source.log_starts():
        await store.hset(log_starts, mapping=held)
    if (snapshot := source.snapshot()) is not None:
        offsets = msgspec.json.encode(snapshot.offsets)
        about = {"seq": snapshot.seq, "id": ids.of(snapshot.seq), "offsets": offsets, "state": snapshot.state}
        await store.hset(snapshots, mapping=about)
    fields_of_meta = {"format": FORMAT, "service": source.service, "epoch": fence(FORMAT, epoch), "size": size}
    if newest := source.newest():
        fields_of_meta["head"] = f"{newest}:{ids.of(newest)}"
    if log_start := held.get(GLOBAL, 0):
        fields_of_meta["floor"] = f"{log_start}:{_REMOVED}"
    await store.hset(meta, mapping=fields_of_meta)


class _Ids:
    """The ids of the events that the head and the snapshot name."""

    def __init__(self, source: Source) -> None:
        snapshot = source.snapshot()
        self._wanted = {source.newest(), snapshot.seq if snapshot is not None else 0}
        self._found: dict[int, str] = {}

    def note(self, event: StoredEvent) -> None:
        if event.seq in self._wanted:
            self._found[event.seq] = event.id

    def of(self, seq: int) -> str:
        return self._found.get(seq, _REMOVED if seq else "")


def _pages(events: Iterator[StoredEvent]) -> Iterator[list[StoredEvent]]:
    while page := list(islice(events, _PAGE)):
        yield page
