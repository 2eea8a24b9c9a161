"""Checks of a log in Redis that its copy cannot show: its head, its size, its channels' streams."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from bodhisattva.servers.core.log.redis_copy import LogImage
from bodhisattva.servers.core.log.redis_records import Keys, answer_key

_PAGE = 500
_MOST = 100  # problems of one kind that are listed


async def problems(store: Any, keys: Keys, then: LogImage, path: Path, size: int) -> list[str]:
    """The problems, a line each. path: the copy of that moment. size: bytes of its events' data."""
    with closing(sqlite3.connect(path)) as copy:
        found = [*_head(copy, then), *_size(then, size)]
        found += [line async for line in _ages(store, keys, then)]
        listed = 0
        async for key in store.scan_iter(match=f"{keys.channel('')}*", count=_PAGE):
            channel = key.decode().removeprefix(keys.channel(""))
            wrong, number = await _channel(store, copy, key, channel, then.newest)
            found += wrong
            listed += number
        (expected,) = copy.execute("SELECT count(*) FROM channel_events").fetchone()
        if listed < expected:
            found.append(f"the channels' streams list {listed} events, and the events give {expected}")
    return found


def _head(copy: sqlite3.Connection, then: LogImage) -> Iterator[str]:
    row = copy.execute("SELECT seq || ':' || id FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    if row is not None and row[0] != then.head:
        yield f"the head is {then.head or 'nothing'}, where {row[0]} is the newest event"
    elif row is None and then.newest != then.log_start:
        yield f"the head is {then.head or 'nothing'}, and there are no events after {then.log_start}"


def _size(then: LogImage, size: int) -> Iterator[str]:
    if then.version > 1 and then.size != size:
        yield f"the size is {then.size}, and the events' data have {size} bytes"


async def _ages(store: Any, keys: Keys, then: LogImage) -> AsyncIterator[str]:
    """Answers without an age, which would never expire; later answers than the copy's are not checked."""
    (ages,) = keys.of("ages")
    for start in range(0, len(then.answers), _PAGE):
        page = then.answers[start : start + _PAGE]
        scores = await store.zmscore(ages, [answer_key(each.user_id, each.request_id) for each in page])
        for answer, score in zip(page, scores, strict=True):
            if score is None:
                yield f"the answer to {answer.request_id} of {answer.user_id} has no age"


async def _channel(
    store: Any, copy: sqlite3.Connection, key: bytes, channel: str, newest: int
) -> tuple[list[str], int]:
    """The problems of a channel's stream, and how many of the copy's events it lists."""
    wrong: list[str] = []
    listed, after = 0, 0
    while page := await store.xrange(key, f"{after + 1}-0", "+", count=_PAGE):
        for place, fields in page:
            after, seq = int(place.partition(b"-")[0]), int(fields.get(b"s", b"0"))
            if seq > newest:
                return wrong, listed
            row = copy.execute("SELECT seq FROM channel_events WHERE channel = ? AND offset = ?", (channel, after))
            if (expected := row.fetchone()) != (seq,):
                here = expected[0] if expected else "nothing"
                wrong.append(f"the stream of {channel} lists {seq} at offset {after}, the events give {here}")
            else:
                listed += 1
    return list(islice(wrong, _MOST)), listed
