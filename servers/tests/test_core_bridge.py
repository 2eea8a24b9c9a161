"""A bridge counts every event of its source once, whatever becomes of both logs (protocol 8)."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from structlog.testing import capture_logs

from bodhisattva.fixtures.stack.ports import free_port
from bodhisattva.servers.core import supervisor
from bodhisattva.servers.core.bridges import bridge, marks
from bodhisattva.servers.core.config import LogConfig, Peer, Retention
from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.errors import Conflict
from bodhisattva.servers.core.service import Bridge, ForeignEvent
from bodhisattva.servers.log_tools import copies, exporting, importing
from bodhisattva.servers.tests.ledger import LEDGER, State, service
from bodhisattva.servers.tests.redis_server import RedisServer, redis_server
from bodhisattva.servers.tests.running import Running, post, running, until

LONG = 15.0
UNFIT = 666
BROKEN = 667
BRIEF = Retention(events=5, interval=0.05)


def hear(_state: State, event: ForeignEvent, _context: Context) -> Decision:
    """Each amount of the source is posted here; some cannot be."""
    amount = event.data["amount"]
    if amount == UNFIT:
        raise Conflict("Such an amount is not taken.")
    if amount == BROKEN:
        raise KeyError("what nobody thought of")
    return Decision({}, (Event("posted", ("account:heard",), {"account": "heard", "amount": amount}),))


LISTENER = service(Bridge("ledger", hear))


class Source:
    """A ledger with a file for its log, on a port that stays."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "ledger.sqlite3"
        self.port = free_port()
        self.peer = Peer(f"ws://127.0.0.1:{self.port}/ws")

    @asynccontextmanager
    async def up(self, retention: Retention | None = None, port: int | None = None) -> AsyncIterator[Running]:
        kept = LogConfig("sqlite", retention=retention or Retention())
        async with running(
            LEDGER, port=self.port if port is None else port, state=str(self.file.parent), log=kept
        ) as one:
            yield one

    async def say(self, *amounts: int) -> None:
        """Where no listener hears it yet."""
        async with self.up(port=0) as one:
            client = await one.connect()
            for amount in amounts:
                await post(client, range(amount, amount + 1))

    def backup(self, name: str) -> Path:
        target = self.file.with_name(name)
        copies.backup(self.file, target, force=True)
        return target

    def restore(self, backup: Path, *, same_epoch: bool = False) -> None:
        copies.restore(backup, self.file, {"ledger": LEDGER}, force=True, same_epoch=same_epoch)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "source").mkdir()
    return Source(tmp_path / "source")


@asynccontextmanager
async def listening(source: Source, **settings: Any) -> AsyncIterator[Running]:
    async with running(LISTENER, peers={"ledger": source.peer}, **settings) as one:
        yield one


def heard(listener: Running) -> list[int]:
    state: State = listener.server.parts.engine.state  # type: ignore[assignment]
    return state.amounts


async def hears(listener: Running, *amounts: int) -> None:
    """Wait until it counts as many, and see that they are these."""
    await until(lambda: len(heard(listener)) >= len(amounts), f"heard {heard(listener)}", LONG)
    assert heard(listener) == list(amounts)


async def metric(listener: Running, name: str) -> float:
    _, text = await listener.get("/metrics")
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


@pytest.mark.parametrize(("before", "after"), [(True, True), (True, False), (False, True)])
async def test_a_reload_claims_no_bridge_that_does_not_follow(source: Source, before: bool, after: bool) -> None:
    """One begins with the process, and has nobody to follow once its peer is gone from the configuration."""
    peers = {"ledger": source.peer}
    async with running(LISTENER, peers=peers if before else {}) as listener:
        for settings, claimed in ((listener.config.peers, before), (peers if after else {}, before and after)):
            listener.config = msgspec.structs.replace(listener.config, peers=settings)
            listener.server.reload()
            _, document = await listener.get("/.well-known/bodhisattva.json")
            assert ("bridges" in document["features"]) is claimed


async def test_a_bridge_whose_peer_was_taken_out_says_so_once_and_goes_on_when_it_is_back(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes to look for its peer when the connection that it had has ended."""
    monkeypatch.setattr(bridge, "_PAUSE", 0.01)
    monkeypatch.setattr(supervisor, "_PAUSE", 0.01)
    with capture_logs() as lines:
        async with AsyncExitStack() as stack:
            async with source.up() as one:
                listener = await stack.enter_async_context(listening(source))
                await post(await one.connect(), range(1, 2))
                await hears(listener, 1)
                peers = listener.config.peers
                listener.config = msgspec.structs.replace(listener.config, peers={})
                listener.server.reload()
            async with source.up() as one:
                await until(lambda: complaints(lines), "it does not say that its peer is gone", LONG)
                await post(await one.connect(), range(2, 4))
                listener.config = msgspec.structs.replace(listener.config, peers=peers)
                listener.server.reload()
                await hears(listener, 1, 2, 3)
    assert complaints(lines) == ["bridge has nobody to follow until its peer is configured again"]


def complaints(lines: Sequence[MutableMapping[str, Any]]) -> list[str]:
    """What a listener says that cannot go to its peer."""
    return [line["event"] for line in lines if "nobody" in line["event"] or "failed" in line["event"]]


async def test_what_was_said_before_its_first_start_crosses_too(source: Source) -> None:
    await source.say(1, 2, 3)
    async with source.up(), listening(source) as listener:
        await hears(listener, 1, 2, 3)
        assert await metric(listener, "websocket_bridge_events_total") == 3


@pytest.mark.parametrize("before", [0, 2])
async def test_what_the_source_still_holds_crosses_and_what_it_lost_is_said(
    source: Source, tmp_path: Path, before: int
) -> None:
    """A bridge that is new, or was away; meanwhile retention has left five of twenty events."""
    kept = {"state": str(tmp_path / "listener"), "log": LogConfig()}
    await source.say(*range(101, before + 101))
    async with source.up(), listening(source, **kept) as listener:
        await hears(listener, *range(101, before + 101))
    await source.say(*range(before + 101, 121))
    async with source.up(BRIEF) as one:
        await until(lambda: one.server.parts.engine.floor("global") == 15, "not trimmed", LONG)
        with capture_logs() as lines:
            async with listening(source, **kept) as listener:
                await hears(listener, *range(101, before + 101), *range(116, 121))
                assert await metric(listener, "websocket_bridge_lost_events_total") == 15 - before
        (said,) = [line for line in lines if "lost" in line]
        assert (said["log_level"], said["source"], said["lost"]) == ("error", "ledger", 15 - before)


@pytest.mark.parametrize("missed", [0, 2])
async def test_a_source_that_holds_nothing_any_more_is_known_and_only_what_was_missed_is_said_to_be_lost(
    source: Source, tmp_path: Path, missed: int
) -> None:
    """By age, retention may remove all of a log."""
    kept = {"state": str(tmp_path / "listener"), "log": LogConfig()}
    await source.say(1, 2, 3)
    async with source.up(), listening(source, **kept) as listener:
        await hears(listener, 1, 2, 3)
    await source.say(*range(101, 101 + missed))
    async with source.up(Retention(age=0.01, interval=0.05)) as one:
        await until(lambda: one.server.parts.engine.floor("global") == 3 + missed, "not trimmed", LONG)
        with capture_logs() as lines:
            async with listening(source, **kept) as listener:
                await until(lambda: one.server.parts.hub.present("global"), "it does not follow", LONG)
                await post(await one.connect(), range(201, 203))
                await hears(listener, 1, 2, 3, 201, 202)
                assert await metric(listener, "websocket_bridge_lost_events_total") == missed
        assert not [line for line in lines if "another log" in line["event"]]


async def test_what_is_lost_is_counted_once_however_often_the_bridge_comes_back(source: Source) -> None:
    """Before anything new crosses."""
    await source.say(1, 2, 3)
    brief = Retention(age=0.01, interval=0.05)
    async with source.up(brief) as one:
        await until(lambda: one.server.parts.engine.floor("global") == 3, "not trimmed", LONG)
    with capture_logs() as lines:
        async with listening(source) as listener:
            for _ in range(2):
                async with source.up(brief) as one:
                    await until(lambda one=one: one.server.parts.hub.present("global"), "it does not follow", LONG)  # type: ignore[misc]
                    assert await metric(listener, "websocket_bridge_lost_events_total") == 3
    assert len([line for line in lines if "lost events" in line["event"]]) == 1


@pytest.mark.parametrize("said", [1, 2, 3], ids=["shorter", "as long", "longer"])
@pytest.mark.parametrize("same_epoch", [False, True])
@pytest.mark.parametrize("away", [False, True])
async def test_an_older_backup_of_the_source_repeats_nothing_and_new_events_cross(
    source: Source, tmp_path: Path, away: bool, same_epoch: bool, said: int
) -> None:
    """The bridge has heard six events, of which the backup has four; then others come in their place."""
    kept = {"state": str(tmp_path / "listener"), "log": LogConfig()}
    await source.say(1, 2, 3, 4)
    backup = source.backup("backup")
    await source.say(5, 6)
    counted = list(range(1, 7 + said))
    async with AsyncExitStack() as stack:
        if not away:
            async with source.up():
                listener = await stack.enter_async_context(listening(source, **kept))
                await hears(listener, 1, 2, 3, 4, 5, 6)
        else:
            async with source.up(), listening(source, **kept) as before:
                await hears(before, 1, 2, 3, 4, 5, 6)
        source.restore(backup, same_epoch=same_epoch)
        await source.say(*counted[6:])
        async with source.up() as one:
            if away:
                listener = await stack.enter_async_context(listening(source, **kept))
            await hears(listener, *counted)
            await post(await one.connect(), range(11, 13))
            await hears(listener, *counted, 11, 12)


async def test_a_newer_backup_of_the_source_goes_on_where_the_bridge_was(source: Source) -> None:
    await source.say(1, 2)
    async with AsyncExitStack() as stack:
        async with source.up():
            listener = await stack.enter_async_context(listening(source))
            await hears(listener, 1, 2)
        await source.say(3)
        source.restore(source.backup("backup"))
        async with source.up():
            await hears(listener, 1, 2, 3)


async def test_restoring_again_and_again_counts_nothing_twice(source: Source) -> None:
    async with AsyncExitStack() as stack:
        async with source.up() as one:
            listener = await stack.enter_async_context(listening(source))
            await post(await one.connect(), range(1, 4))
            await hears(listener, 1, 2, 3)
        first = source.backup("first")
        counted = [1, 2, 3]
        for amount in range(4, 7):
            source.restore(first)
            async with source.up() as one:
                await post(await one.connect(), range(amount, amount + 1))
                counted.append(amount)
                await hears(listener, *counted)


async def test_events_far_back_are_told_by_their_time(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where both logs part lies between two marks."""
    monkeypatch.setattr(marks, "DENSE", 2)
    monkeypatch.setattr(marks, "_FEWER", 2)
    await source.say(*range(101, 152))
    backup = source.backup("backup")
    await source.say(*range(152, 201))
    async with AsyncExitStack() as stack:
        async with source.up():
            listener = await stack.enter_async_context(listening(source))
            await hears(listener, *range(101, 201))
        (position,) = listener.server.parts.engine.positions.values()
        assert not {50, 51, 52} & {mark.offset for mark in position.marks}, "a mark stands where both part"
        source.restore(backup)
        await source.say(201)
        async with source.up():
            await hears(listener, *range(101, 202))


async def test_the_same_log_brought_elsewhere_by_export_is_known(source: Source) -> None:
    await source.say(1, 2)
    async with AsyncExitStack() as stack:
        async with source.up():
            listener = await stack.enter_async_context(listening(source))
            await hears(listener, 1, 2)
        lines = source.file.with_name("lines")
        exporting.export_log(source.file, lines, force=False)
        importing.import_file(lines, source.file, {"ledger": LEDGER}, force=True)
        await source.say(3)
        async with source.up():
            await hears(listener, 1, 2, 3)


async def test_a_log_that_was_made_anew_is_taken_in_from_its_beginning(source: Source) -> None:
    await source.say(1, 2)
    async with AsyncExitStack() as stack:
        async with source.up():
            listener = await stack.enter_async_context(listening(source))
            await hears(listener, 1, 2)
        for file in source.file.parent.glob("ledger*"):
            file.unlink()
        await source.say(1, 2, 3)
        async with source.up():
            await hears(listener, 1, 2, 1, 2, 3)


async def test_an_event_that_cannot_be_taken_in_stops_nothing_and_is_told(source: Source) -> None:
    await source.say(1, UNFIT, 2, BROKEN, 3)
    with capture_logs() as lines:
        async with source.up(), listening(source) as listener:
            await hears(listener, 1, 2, 3)
            assert await metric(listener, "websocket_bridge_refused_events_total") == 2
    passed = [line for line in lines if "passes over" in line["event"]]
    assert [line["reason"] for line in passed] == [
        "Such an amount is not taken.",
        "The request could not be handled.",
    ]
    assert all(line["event_id"] and line["source"] == "ledger" for line in passed)


@asynccontextmanager
async def two_that_heard(source: Source, redis: RedisServer, last: int) -> AsyncIterator[tuple[list[Running], Path]]:
    """Replicas of a listener which have heard 101 to a last one, and a backup of their source as it was after 103."""
    log = LogConfig("redis", url=redis.url, prefix=f"test-{uuid4()}")
    await source.say(101, 102, 103)
    backup = source.backup("backup")
    async with AsyncExitStack() as stack:
        async with source.up() as one:
            both = [await stack.enter_async_context(listening(source, log=log)) for _ in range(2)]
            await post(await one.connect(), range(104, last + 1))
            for listener in both:
                await hears(listener, *range(101, last + 1))
                await until(lambda each=listener: _at(each) == last - 100, "not there", LONG)  # type: ignore[misc]
        yield both, backup


async def test_replicas_of_a_listener_count_once_between_them(source: Source, redis: RedisServer) -> None:
    """Through a restore of the source, with one of them away that knows only what was before."""
    async with two_that_heard(source, redis, 129) as (both, backup):
        source.restore(backup)
        async with source.up() as one:
            await post(await one.connect(), range(130, 160))
            for listener in both:
                await hears(listener, *range(101, 160))
                await until(lambda each=listener: _at(each) == 33, "not there", LONG)  # type: ignore[misc]


async def test_a_replica_that_is_late_counts_nothing_again_of_a_log_that_kept_its_epoch(
    source: Source, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source is put back, and has come as far as it was when the late one tells of the first that is new."""
    async with two_that_heard(source, redis, 105) as (both, backup):
        source.restore(backup, same_epoch=True)
        release, late = asyncio.Event(), both[1].server.parts.engine
        react = late.react

        def react_later(*asked: Any) -> None:
            async def once_released() -> None:
                await release.wait()
                react(*asked)

            waiting.append(asyncio.ensure_future(once_released()))

        waiting: list[asyncio.Future[None]] = []
        monkeypatch.setattr(late, "react", react_later)
        async with source.up() as one:
            client = await one.connect()
            await until(lambda: len(one.server.parts.hub.present("global")) == 2, "they do not follow", LONG)
            await post(client, range(106, 108))
            await hears(both[0], *range(101, 108))
            await until(lambda: waiting, "it did not hear of the first", LONG)
            release.set()
            await post(client, range(108, 110))
            for listener in both:
                await hears(listener, *range(101, 110))


@pytest.mark.parametrize("kept", [0, 3])
async def test_a_listener_that_lost_the_end_of_its_own_log_hears_it_again(source: Source, kept: int) -> None:
    with redis_server() as own:
        log = LogConfig("redis", url=own.url, prefix="listener", timeout=0.5)
        async with source.up() as one, listening(source, log=log) as listener:
            client = await one.connect()
            await post(client, range(101, 104))
            await hears(listener, 101, 102, 103)
            saved = await asyncio.to_thread(own.save)
            await post(client, range(104, 106))
            await hears(listener, *range(101, 106))
            if kept:
                own.kill()
                own.restore(saved)
                await asyncio.to_thread(own.start)
            else:
                own.ask("FLUSHALL")
            await until(lambda: _at(listener) < 5, "the loss is not noticed", LONG)
            await hears(listener, *range(101, 106))
            await post(client, range(106, 108))
            await hears(listener, *range(101, 108))


def _at(listener: Running) -> int:
    return sum(position.offset for position in listener.server.parts.engine.positions.values())
