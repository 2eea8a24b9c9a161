"""`bodhisattva log …` where the configuration keeps the log in Redis."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from bodhisattva.servers.core.config import LogConfig, Retention
from bodhisattva.servers.core.engine import retention
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.fastblocks.service import SERVICE
from bodhisattva.servers.tests.redis_server import RedisServer
from bodhisattva.servers.tests.test_log_tools import (
    EVENTS,
    KEPT,
    Result,
    done,
    fastblocks,
    place,
    put,
    spawned,
    tool,
)
from bodhisattva.servers.tests.test_log_tools import log as log  # a fixture
from bodhisattva.servers.tests.trimmer import started

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide.md"


class There:
    """A log in Redis, named by a configuration file in the folder."""

    def __init__(self, redis: RedisServer, folder: Path) -> None:
        self.redis = redis
        self.folder = folder
        self.config = LogConfig("redis", url=redis.url, prefix=f"test-{uuid4()}")
        self.base = f"{{{self.config.prefix}:fastblocks}}:"
        settings = f"log: {{kind: redis, url: '{redis.url}', prefix: {self.config.prefix}}}"
        (folder / "redis.yaml").write_text(settings)

    def done(self, *arguments: object, given: bytes = b"") -> Result:
        return done(self.folder, *arguments, "-c", "redis.yaml", given=given)

    def tool(self, *arguments: object) -> Result:
        return tool(self.folder, *arguments, "-c", "redis.yaml")

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Engine]:
        async with started(RedisLog(self.config, SERVICE.name, 1e9), SERVICE) as engine:
            yield engine


@pytest.fixture
def there(redis: RedisServer, tmp_path: Path) -> There:
    return There(redis, tmp_path)


@pytest.fixture
def filled(there: There, log: Path) -> There:
    """With the same past as the file."""
    lines = done(there.folder, "export", log).output
    there.done("import", "-", "fastblocks", given=lines)
    return there


async def test_a_log_is_the_same_after_a_move_to_redis_and_back(there: There, log: Path) -> None:
    """As the guide has it, under "Keeping the log"."""
    commands = re.findall(r"^bodhisattva log (.*-c redis\.yaml.*?)(?: +#.*)?$", GUIDE.read_text(), re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["import", "verify", "export"], "the guide has others"
    lines = await asyncio.to_thread(done, there.folder, "export", "fastblocks", "-o", "fastblocks.jsonl")
    assert lines.out == "fastblocks.jsonl: 46 rows\n"
    result = [await asyncio.to_thread(done, there.folder, *command.split(), how=spawned) for command in commands]
    assert f"is sound: fastblocks, format 3, {KEPT} events, epoch " in result[1].out
    assert (there.folder / "back.jsonl").read_bytes() == (there.folder / "fastblocks.jsonl").read_bytes()
    async with fastblocks(log) as engine, there.served() as other:
        assert other.log.epoch == engine.log.epoch
        assert other.state == engine.state
        assert other.positions == engine.positions
        assert other.log.size == engine.log.size
        for channel in ("global", "state"):
            assert (other.offset(channel), other.log_start(channel)) == (
                engine.offset(channel),
                engine.log_start(channel),
            )
        assert await other.log.read("state", 0, 99) == await engine.log.read("state", 0, 99)
        assert (await put(other, 3)).data == (await put(engine, 3)).data
        assert other.offset("global") == EVENTS, "a retry is not executed again"
        await put(other, EVENTS)
        assert other.offset("state") == EVENTS + 1
        assert await retention.trim(other, Retention(events=2)) == KEPT - 1


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (("XDEL", "entries", "25-0"), "event 26: it has offset 26 on global, where 25 is due"),
        (("XDEL", "channel:state", "25-0"), f"list {KEPT - 1} events, and the events give {KEPT}"),
        (("XADD", "channel:state", "31-0", "s", "30"), "the stream of state lists 30 at offset 31"),
        (
            ("XADD", "channel:ui:x", "1-0", "s", "30"),
            "the stream of ui:x lists 30 at offset 1, the events give nothing",
        ),
        (("HSET", "meta", "size", "7"), "the size is 7, and the events' data have"),
        (("HSET", "meta", "head", "30:other"), "the head is 30:other, where 30:"),
        (("HDEL", "floors", "state"), "event 19: it has offset 19 on state, where 1 is due"),
        (("DEL", "snapshot"), "the events up to 18 are removed, and no snapshot stands for them"),
        (("HSET", "snapshot", "state", "x"), "the snapshot is no state of fastblocks"),
        (("DEL", "ages"), "of ada has no age"),
        (("HSET", "answers", "x", "7"), "cannot be decoded"),
        (("XADD", "entries", "31-0", "i", "e", "m", "7", "d", "{}"), "the head is 30:"),
    ],
)
def test_each_problem_is_one_line(filled: There, damage: tuple[str, ...], line: str) -> None:
    command, key, *words = damage
    assert not filled.redis.request(command, f"{filled.base}{key}", *words).startswith("-")
    if damage[-1] == "{}":
        filled.redis.request("HSET", f"{filled.base}meta", "head", "30:x")
    result = filled.tool("verify", "fastblocks")
    assert (result.code, result.error) == (1, "")
    assert any(line in each for each in result.out.splitlines()), result.out
    filled.tool("compact", "fastblocks", "--events", 3).refused("")
    assert filled.tool("verify", "fastblocks").out == result.out, "nothing is removed"


def test_a_backup_restores_events_that_were_removed_by_hand(filled: There) -> None:
    filled.done("backup", "fastblocks", "saved.sqlite3")
    before = filled.done("export", "fastblocks").output
    filled.redis.request("XTRIM", f"{filled.base}entries", "MINID", "25")
    filled.redis.request("DEL", f"{filled.base}channel:state")
    assert filled.tool("verify", "fastblocks").code == 1
    filled.done("restore", "saved.sqlite3", "fastblocks", "--force", "--same-epoch")
    filled.done("verify", "fastblocks")
    assert filled.done("export", "fastblocks").output == before


def test_an_event_that_cannot_be_decoded_is_damage(filled: There) -> None:
    filled.redis.request("XADD", f"{filled.base}entries", "31-0", "i", "e", "m", "7", "d", "{}")
    filled.redis.request("HSET", f"{filled.base}meta", "head", "31:e")
    result = filled.tool("verify", "fastblocks")
    assert (result.code, result.error) == (1, "")
    assert result.out.startswith("event 31 cannot be decoded")
    filled.tool("export", "fastblocks").refused("event 31 cannot be decoded")


async def test_a_backup_is_of_one_moment_and_is_restored_with_a_new_epoch(filled: There) -> None:
    async with filled.served() as engine:
        stop = asyncio.Event()
        writing = asyncio.ensure_future(_write(engine, stop))
        result = await asyncio.to_thread(filled.done, "backup", "fastblocks", "saved.sqlite3")
        stop.set()
        await writing
        refused = await asyncio.to_thread(filled.tool, "restore", "saved.sqlite3", "fastblocks", "--force")
        refused.refused("is in use by 1 of its service's replicas; stop them")
        epoch, written = engine.log.epoch, engine.offset("global")
    newest = int(result.out.rpartition(" ")[2])
    assert EVENTS <= newest <= written
    async with fastblocks(filled.folder / "saved.sqlite3") as saved:
        assert (saved.offset("global"), saved.log.epoch) == (newest, epoch)
        assert place(saved, newest - 1) == {"é": newest - 1}
    refused = await asyncio.to_thread(filled.tool, "restore", "saved.sqlite3", "fastblocks")
    refused.refused("exists; --force overwrites it")
    await asyncio.to_thread(filled.done, "restore", "saved.sqlite3", "fastblocks", "--force")
    async with filled.served() as engine:
        assert engine.offset("state") == newest
        assert engine.log.epoch != epoch
        await put(engine, newest)
    await asyncio.to_thread(filled.done, "restore", "saved.sqlite3", "fastblocks", "--force", "--same-epoch")
    async with filled.served() as engine:
        assert (engine.log.epoch, engine.offset("state")) == (epoch, newest)
    assert filled.redis.answer("KEYS", f"{filled.base}new:*") == "*0\r\n", "nothing is left beside it"


async def _write(engine: Engine, stop: asyncio.Event) -> None:
    number = EVENTS
    while not stop.is_set():
        await put(engine, number)
        number += 1


async def test_compact_works_while_replicas_run(filled: There) -> None:
    async with filled.served() as engine:
        result = await asyncio.to_thread(filled.done, "compact", "fastblocks", "--events", 3)
        assert re.search(r": 9 events removed, \d+ bytes before, \d+ after", result.out)
        await put(engine, EVENTS)
        assert (engine.offset("state"), engine.log_start("global")) == (EVENTS + 1, EVENTS - 3)
        assert len(await engine.log.read("state", 0, 99)) == 4
    await asyncio.to_thread(filled.done, "verify", "fastblocks")


def test_bad_input_is_one_line_and_exit_code_2(there: There, log: Path) -> None:
    there.tool("verify", "fastblocks").refused("there is no log")
    done(there.folder, "backup", log, "saved.sqlite3")
    (there.folder / "redis.yaml").write_text("log: {kind: redis}")
    there.tool("verify", "fastblocks").refused("log.url is not set")
    (there.folder / "redis.yaml").write_text("log: {kind: redis, url: 'redis://user:hunter2@127.0.0.1:1/0'}")
    for command in (("verify", "fastblocks"), ("restore", "saved.sqlite3", "fastblocks"), ("compact", "fastblocks")):
        result = there.tool(*command)
        result.refused("redis://(hidden)@127.0.0.1:1/0 cannot be used")
        assert "hunter2" not in result.error


def test_another_service_s_lines_and_another_format_are_refused(filled: There) -> None:
    lines = filled.done("export", "fastblocks").output
    (filled.folder / "lines").write_bytes(lines)
    filled.tool("import", "lines", "akosha").refused("is for the log of akosha, not of fastblocks")
    filled.redis.request("HSET", f"{filled.base}meta", "format", "99")
    filled.tool("verify", "fastblocks").refused("has format 99, this release reads up to 2; use a newer release")
    filled.redis.request("HSET", f"{filled.base}meta", "format", "0")
    filled.tool("verify", "fastblocks").refused("has format 0, which there never was; restore it from a backup")
