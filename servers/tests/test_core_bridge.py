"""A bridge applies every event of its source once, whatever happens to both logs (protocol 8)."""

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
from bodhisattva.servers.core.bridges import block_locator, bridge
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


def repost(_state: State, event: ForeignEvent, _context: Context) -> Decision:
    """Post each amount of the source here; some cannot be posted."""
    amount = event.data["amount"]
    if amount == UNFIT:
        raise Conflict("Such an amount is not taken.")
    if amount == BROKEN:
        raise KeyError("an error that is no refusal")
    return Decision({}, (Event("posted", ("account:reposted",), {"account": "reposted", "amount": amount}),))


FOLLOWER = service(Bridge("ledger", repost))


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

    async def publish(self, *amounts: int) -> None:
        """Post amounts while no follower is subscribed: on another port."""
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
async def following(source: Source, **settings: Any) -> AsyncIterator[Running]:
    async with running(FOLLOWER, peers={"ledger": source.peer}, **settings) as one:
        yield one


def applied(follower: Running) -> list[int]:
    state: State = follower.server.parts.engine.state  # type: ignore[assignment]
    return state.amounts


async def wait_applied(follower: Running, *amounts: int) -> None:
    """Wait until the follower has applied as many amounts, and check that they are these."""
    await until(lambda: len(applied(follower)) >= len(amounts), f"applied {applied(follower)}", LONG)
    assert applied(follower) == list(amounts)


async def metric(follower: Running, name: str) -> float:
    _, text = await follower.get("/metrics")
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


@pytest.mark.parametrize(("before", "after"), [(True, True), (True, False), (False, True)])
async def test_a_reload_claims_no_bridge_that_does_not_follow(source: Source, before: bool, after: bool) -> None:
    """A bridge starts with the process. It has nobody to follow once the configuration does not name its peer."""
    peers = {"ledger": source.peer}
    async with running(FOLLOWER, peers=peers if before else {}) as follower:
        for settings, claimed in ((follower.config.peers, before), (peers if after else {}, before and after)):
            follower.config = msgspec.structs.replace(follower.config, peers=settings)
            follower.server.reload()
            _, document = await follower.get("/.well-known/bodhisattva.json")
            assert ("bridges" in document["features"]) is claimed


async def test_a_bridge_whose_peer_is_unconfigured_warns_once_and_resumes_when_it_is_configured_again(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge looks for its peer when its connection has ended."""
    monkeypatch.setattr(bridge, "_PAUSE", 0.01)
    monkeypatch.setattr(supervisor, "_PAUSE", 0.01)
    with capture_logs() as lines:
        async with AsyncExitStack() as stack:
            async with source.up() as one:
                follower = await stack.enter_async_context(following(source))
                await post(await one.connect(), range(1, 2))
                await wait_applied(follower, 1)
                peers = follower.config.peers
                follower.config = msgspec.structs.replace(follower.config, peers={})
                follower.server.reload()
            async with source.up() as one:
                await until(lambda: warnings(lines), "it does not log that its peer is gone", LONG)
                await post(await one.connect(), range(2, 4))
                follower.config = msgspec.structs.replace(follower.config, peers=peers)
                follower.server.reload()
                await wait_applied(follower, 1, 2, 3)
    assert warnings(lines) == ["bridge has nobody to follow until its peer is configured again"]


def warnings(lines: Sequence[MutableMapping[str, Any]]) -> list[str]:
    """The log lines of a follower that has no peer to connect to."""
    return [line["event"] for line in lines if "nobody" in line["event"] or "failed" in line["event"]]


async def test_events_from_before_the_first_start_are_applied(source: Source) -> None:
    await source.publish(1, 2, 3)
    async with source.up(), following(source) as follower:
        await wait_applied(follower, 1, 2, 3)
        assert await metric(follower, "websocket_bridge_events_total") == 3


@pytest.mark.parametrize("before", [0, 2])
async def test_events_that_the_source_holds_are_applied_and_removed_ones_are_reported(
    source: Source, tmp_path: Path, before: int
) -> None:
    """The bridge is new, or was away. Meanwhile retention has left five of twenty events."""
    kept = {"state": str(tmp_path / "follower"), "log": LogConfig()}
    await source.publish(*range(101, before + 101))
    async with source.up(), following(source, **kept) as follower:
        await wait_applied(follower, *range(101, before + 101))
    await source.publish(*range(before + 101, 121))
    async with source.up(BRIEF) as one:
        await until(lambda: one.server.parts.engine.log_start("global") == 15, "not trimmed", LONG)
        with capture_logs() as lines:
            async with following(source, **kept) as follower:
                await wait_applied(follower, *range(101, before + 101), *range(116, 121))
                assert await metric(follower, "websocket_bridge_lost_events_total") == 15 - before
        (line,) = [line for line in lines if "lost" in line]
        assert (line["log_level"], line["source"], line["lost"]) == ("error", "ledger", 15 - before)


@pytest.mark.parametrize("missed", [0, 2])
async def test_a_source_that_holds_no_event_is_recognised_and_only_missed_events_are_reported_as_lost(
    source: Source, tmp_path: Path, missed: int
) -> None:
    """Retention by age may remove every event of a log."""
    kept = {"state": str(tmp_path / "follower"), "log": LogConfig()}
    await source.publish(1, 2, 3)
    async with source.up(), following(source, **kept) as follower:
        await wait_applied(follower, 1, 2, 3)
    await source.publish(*range(101, 101 + missed))
    async with source.up(Retention(age=0.01, interval=0.05)) as one:
        await until(lambda: one.server.parts.engine.log_start("global") == 3 + missed, "not trimmed", LONG)
        with capture_logs() as lines:
            async with following(source, **kept) as follower:
                await until(lambda: one.server.parts.hub.present("global"), "it does not follow", LONG)
                await post(await one.connect(), range(201, 203))
                await wait_applied(follower, 1, 2, 3, 201, 202)
                assert await metric(follower, "websocket_bridge_lost_events_total") == missed
        assert not [line for line in lines if "another log" in line["event"]]


async def test_lost_events_are_counted_once_over_any_number_of_connections(source: Source) -> None:
    """While no new event arrives."""
    await source.publish(1, 2, 3)
    brief = Retention(age=0.01, interval=0.05)
    async with source.up(brief) as one:
        await until(lambda: one.server.parts.engine.log_start("global") == 3, "not trimmed", LONG)
    with capture_logs() as lines:
        async with following(source) as follower:
            for _ in range(2):
                async with source.up(brief) as one:
                    await until(lambda one=one: one.server.parts.hub.present("global"), "it does not follow", LONG)  # type: ignore[misc]
                    assert await metric(follower, "websocket_bridge_lost_events_total") == 3
    assert len([line for line in lines if "lost events" in line["event"]]) == 1


@pytest.mark.parametrize("new", [1, 2, 3], ids=["shorter", "as long", "longer"])
@pytest.mark.parametrize("same_epoch", [False, True])
@pytest.mark.parametrize("away", [False, True])
async def test_after_an_older_backup_of_the_source_nothing_is_repeated_and_new_events_are_applied(
    source: Source, tmp_path: Path, away: bool, same_epoch: bool, new: int
) -> None:
    """The bridge has applied six events, and the backup has four. Then others take the place of the last two."""
    kept = {"state": str(tmp_path / "follower"), "log": LogConfig()}
    await source.publish(1, 2, 3, 4)
    backup = source.backup("backup")
    await source.publish(5, 6)
    counted = list(range(1, 7 + new))
    async with AsyncExitStack() as stack:
        if not away:
            async with source.up():
                follower = await stack.enter_async_context(following(source, **kept))
                await wait_applied(follower, 1, 2, 3, 4, 5, 6)
        else:
            async with source.up(), following(source, **kept) as before:
                await wait_applied(before, 1, 2, 3, 4, 5, 6)
        source.restore(backup, same_epoch=same_epoch)
        await source.publish(*counted[6:])
        async with source.up() as one:
            if away:
                follower = await stack.enter_async_context(following(source, **kept))
            await wait_applied(follower, *counted)
            await post(await one.connect(), range(11, 13))
            await wait_applied(follower, *counted, 11, 12)


async def test_after_a_newer_backup_of_the_source_the_bridge_resumes_where_it_was(source: Source) -> None:
    await source.publish(1, 2)
    async with AsyncExitStack() as stack:
        async with source.up():
            follower = await stack.enter_async_context(following(source))
            await wait_applied(follower, 1, 2)
        await source.publish(3)
        source.restore(source.backup("backup"))
        async with source.up():
            await wait_applied(follower, 1, 2, 3)


async def test_repeated_restores_apply_nothing_twice(source: Source) -> None:
    async with AsyncExitStack() as stack:
        async with source.up() as one:
            follower = await stack.enter_async_context(following(source))
            await post(await one.connect(), range(1, 4))
            await wait_applied(follower, 1, 2, 3)
        first = source.backup("first")
        counted = [1, 2, 3]
        for amount in range(4, 7):
            source.restore(first)
            async with source.up() as one:
                await post(await one.connect(), range(amount, amount + 1))
                counted.append(amount)
                await wait_applied(follower, *counted)


async def test_events_far_back_are_recognised_by_their_time(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """The logs diverge between two marks."""
    monkeypatch.setattr(block_locator, "DENSE", 2)
    monkeypatch.setattr(block_locator, "_SPARSE", 2)
    await source.publish(*range(101, 152))
    backup = source.backup("backup")
    await source.publish(*range(152, 201))
    async with AsyncExitStack() as stack:
        async with source.up():
            follower = await stack.enter_async_context(following(source))
            await wait_applied(follower, *range(101, 201))
        (position,) = follower.server.parts.engine.positions.values()
        assert not {50, 51, 52} & {mark.offset for mark in position.marks}, "a mark stands where both diverge"
        source.restore(backup)
        await source.publish(201)
        async with source.up():
            await wait_applied(follower, *range(101, 202))


async def test_an_exported_and_imported_log_is_recognised(source: Source) -> None:
    await source.publish(1, 2)
    async with AsyncExitStack() as stack:
        async with source.up():
            follower = await stack.enter_async_context(following(source))
            await wait_applied(follower, 1, 2)
        lines = source.file.with_name("lines")
        exporting.export_log(source.file, lines, force=False)
        importing.import_file(lines, source.file, {"ledger": LEDGER}, force=True)
        await source.publish(3)
        async with source.up():
            await wait_applied(follower, 1, 2, 3)


async def test_a_new_log_is_applied_from_its_beginning(source: Source) -> None:
    await source.publish(1, 2)
    async with AsyncExitStack() as stack:
        async with source.up():
            follower = await stack.enter_async_context(following(source))
            await wait_applied(follower, 1, 2)
        for file in source.file.parent.glob("ledger*"):
            file.unlink()
        await source.publish(1, 2, 3)
        async with source.up():
            await wait_applied(follower, 1, 2, 1, 2, 3)


async def test_an_event_that_cannot_be_applied_is_skipped_and_logged(source: Source) -> None:
    await source.publish(1, UNFIT, 2, BROKEN, 3)
    with capture_logs() as lines:
        async with source.up(), following(source) as follower:
            await wait_applied(follower, 1, 2, 3)
            assert await metric(follower, "websocket_bridge_refused_events_total") == 2
    passed = [line for line in lines if "skips an event" in line["event"]]
    assert [line["reason"] for line in passed] == [
        "Such an amount is not taken.",
        "The request could not be handled.",
    ]
    assert all(line["event_id"] and line["source"] == "ledger" for line in passed)


@asynccontextmanager
async def two_replicas(source: Source, redis: RedisServer, last: int) -> AsyncIterator[tuple[list[Running], Path]]:
    """Two replicas of a follower that have applied 101 to `last`, and a backup of their source after 103."""
    log = LogConfig("redis", url=redis.url, prefix=f"test-{uuid4()}")
    await source.publish(101, 102, 103)
    backup = source.backup("backup")
    async with AsyncExitStack() as stack:
        async with source.up() as one:
            both = [await stack.enter_async_context(following(source, log=log)) for _ in range(2)]
            await post(await one.connect(), range(104, last + 1))
            for follower in both:
                await wait_applied(follower, *range(101, last + 1))
                await until(lambda each=follower: _at(each) == last - 100, "not there", LONG)  # type: ignore[misc]
        yield both, backup


async def test_replicas_of_a_follower_apply_each_event_once_in_all(source: Source, redis: RedisServer) -> None:
    """Through a restore of the source that happens while the replicas cannot reach it."""
    async with two_replicas(source, redis, 129) as (both, backup):
        source.restore(backup)
        async with source.up() as one:
            await post(await one.connect(), range(130, 160))
            for follower in both:
                await wait_applied(follower, *range(101, 160))
                await until(lambda each=follower: _at(each) == 33, "not there", LONG)  # type: ignore[misc]


async def test_a_late_replica_applies_nothing_twice_after_a_restore_that_kept_the_epoch(
    source: Source, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source is restored. Its log is as long as before when the late replica records the first new event."""
    async with two_replicas(source, redis, 105) as (both, backup):
        source.restore(backup, same_epoch=True)
        release, late = asyncio.Event(), both[1].server.parts.engine
        react = late.react

        def react_later(*arguments: Any) -> None:
            async def once_released() -> None:
                await release.wait()
                react(*arguments)

            waiting.append(asyncio.ensure_future(once_released()))

        waiting: list[asyncio.Future[None]] = []
        monkeypatch.setattr(late, "react", react_later)
        async with source.up() as one:
            client = await one.connect()
            await until(lambda: len(one.server.parts.hub.present("global")) == 2, "they do not follow", LONG)
            await post(client, range(106, 108))
            await wait_applied(both[0], *range(101, 108))
            await until(lambda: waiting, "it did not receive the first", LONG)
            release.set()
            await post(client, range(108, 110))
            for follower in both:
                await wait_applied(follower, *range(101, 110))


@pytest.mark.deploy
@pytest.mark.parametrize("kept", [0, 3])
async def test_a_follower_that_lost_the_end_of_its_own_log_applies_it_again(source: Source, kept: int) -> None:
    with redis_server() as own:
        log = LogConfig("redis", url=own.url, prefix="follower", timeout=0.5)
        async with source.up() as one, following(source, log=log) as follower:
            client = await one.connect()
            await post(client, range(101, 104))
            await wait_applied(follower, 101, 102, 103)
            saved = await asyncio.to_thread(own.save)
            await post(client, range(104, 106))
            await wait_applied(follower, *range(101, 106))
            if kept:
                own.kill()
                own.restore(saved)
                await asyncio.to_thread(own.start)
            else:
                own.request("FLUSHALL")
            await until(lambda: _at(follower) < 5, "the loss is not noticed", LONG)
            await wait_applied(follower, *range(101, 106))
            await post(client, range(106, 108))
            await wait_applied(follower, *range(101, 108))


def _at(follower: Running) -> int:
    return sum(position.offset for position in follower.server.parts.engine.positions.values())
