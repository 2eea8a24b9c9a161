"""Appends to a SQLite log until it is killed, and prints each number once its entry is durable."""

import asyncio
import sys
from pathlib import Path

import msgspec

from bodhisattva.servers.core.log.base import Entry, Position, StoredAnswer, StoredEvent
from bodhisattva.servers.core.log.sqlite import SqliteLog

IN_FLIGHT = 20
AT = "2026-01-01T00:00:00+00:00"


def entry(seq: int) -> Entry:
    event = StoredEvent(seq, f"e{seq}", "posted", AT, (("account:a", seq),), msgspec.Raw(b'{"n":%d}' % seq))
    return Entry((event,), StoredAnswer("ada", f"r{seq}", float(seq), b'{"data":{}}'), Position("source", "E", seq))


async def main(path: Path) -> None:
    log = SqliteLog(path, "ledger", window=1e9)
    await log.open()
    seq = sum([len(chunk) async for chunk in log.replay()])
    while True:
        group = range(seq + 1, seq + 1 + IN_FLIGHT)
        for number, done in [(number, log.append(entry(number))) for number in group]:
            await done
            print(number, flush=True)  # noqa: T201 - the acknowledgement that the test reads
        seq = group[-1]


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
