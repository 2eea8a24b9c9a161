"""Replicas whose Redis is gone, takes no writes, or lost something: no silence where the history breaks."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bodhisattva.servers.core.config import Retention
from bodhisattva.servers.core.engine import retention
from bodhisattva.servers.core.log.base import LogRefused, LogTrimmed
from bodhisattva.servers.core.log.redis_records import Keys
from bodhisattva.servers.tests.ledger import LEDGER
from bodhisattva.servers.tests.redis_server import RedisServer
from bodhisattva.servers.tests.replicas import LONG, amounts, asleep, eventually, listener, replicas, shared_appender
from bodhisattva.servers.tests.running import Client, Running, events, offsets, post, running, until


async def test_s5_retention_is_kept_by_one_and_known_to_all(redis: RedisServer) -> None:
    async with replicas(redis, retention=Retention(events=5, interval=0.01)) as both:
        here, there = [await one.connect() for one in both]
        live = await listener(both[1])
        epoch = both[0].server.parts.engine.log.epoch
        await post(here, range(21, 60))
        await post(there, range(60, 100))
        for one in both:
            await until(lambda one=one: one.server.parts.engine.log_start("global") == 74, "not trimmed")  # type: ignore[misc]
        assert offsets(await events(live, 79)) == list(range(1, 80)), "subscribers receive what is then removed"
        for client in (here, there):
            history = (await client.request("history", channel="account:a"))["data"]
            assert (offsets(history["events"]), history["offset"]) == (list(range(75, 80)), 79)
            for since, recovered in ((73, False), (74, True)):
                data = {"channel": "account:a", "since": {"epoch": epoch, "offset": since}}
                assert (await client.request("subscribe", **data))["data"]["recovered"] is recovered
        async with running(LEDGER, log=both[0].config.log) as third:
            assert await amounts(await third.connect()) == list(range(21, 100))


async def test_s6_what_a_stranger_removed_of_the_events_is_reported_as_long_as_it_is_missing(own: RedisServer) -> None:
    async with replicas(own, 1) as (one,):
        client, other = [await one.connect() for _ in range(2)]
        await post(client, range(21, 31))
        saved = await asyncio.to_thread(own.save)
        assert own.request("XTRIM", f"{Keys(one.config.log.prefix, LEDGER.name).base}entries", "MINID", "6") == ":5"
        with capture_logs() as lines:
            for _ in range(3):
                assert (await client.request("history", channel="account:a"))["error_code"] == "UNAVAILABLE"
            await eventually(one, is_ready=False)
            with pytest.raises(LogRefused, match="restore it from a backup"):
                async with running(LEDGER, log=one.config.log):
                    pass
            own.kill()
            own.restore(saved)
            await asyncio.to_thread(own.start)
            await eventually(one, is_ready=True)
        assert offsets((await other.request("history", channel="account:a"))["data"]["events"]) == list(range(1, 11))
        output = [(line["event"], line.get("channel")) for line in lines if "read" in line["event"]]
        assert output == [("store cannot be read", "account:a"), ("store can be read again", None)]


async def test_s5_who_slept_while_events_were_removed_does_not_pass_over_them_in_silence(redis: RedisServer) -> None:
    async with replicas(redis) as both:
        here, there = await both[0].connect(), await listener(both[1])
        await post(here, range(21, 24))
        epoch = (await events(there, 3))[0]["epoch"]
        async with asleep(both[1]):
            await post(here, range(24, 40))
            await retention.trim(both[0].server.parts.engine, Retention(events=5))
        assert await there.close_code() == 1011
        again = await both[1].connect()
        since = {"epoch": epoch, "offset": 3}
        joined = (await again.request("subscribe", channel="account:a", since=since))["data"]
        assert (joined["recovered"], joined["offset"], joined["epoch"]) == (False, 19, epoch)
        assert await amounts(again) == list(range(21, 40))
        await post(here, range(40, 41))
        assert offsets(await events(again, 1)) == [20]


async def test_s5_who_resumes_before_what_a_stranger_removed_learns_it_when_it_comes_again(redis: RedisServer) -> None:
    async with replicas(redis, 1) as (one,):
        await post(await one.connect(), range(21, 31))
        stream = Keys(one.config.log.prefix, LEDGER.name).channel("account:a")
        assert redis.request("XTRIM", stream, "MINID", "6") == ":5"
        epoch = one.server.parts.engine.log.epoch
        first, again, other = [await one.connect() for _ in range(3)]
        await first.send("subscribe", channel="account:a", since={"epoch": epoch, "offset": 3})
        assert await first.close_code() == 1011
        for client, since, expected in ((again, 3, (False, 10)), (other, 5, (True, 5))):
            data = {"channel": "account:a", "since": {"epoch": epoch, "offset": since}}
            joined = (await client.request("subscribe", **data))["data"]
            assert (joined["recovered"], joined["offset"]) == expected
        assert offsets(await events(other, 5)) == [6, 7, 8, 9, 10]


@pytest.mark.parametrize("held", [True, False])
async def test_s5_what_is_still_to_be_delivered_is_delivered_though_a_snapshot_stands_for_it(
    pair: list[Running], held: bool
) -> None:
    """A replica that has to rebuild its state, after another took a snapshot of what it has not delivered yet."""
    here, there = await pair[0].connect(), await listener(pair[1])
    await post(here, range(21, 24))
    assert offsets(await events(there, 3)) == [1, 2, 3]
    log = pair[0].server.parts.engine.log
    async with asleep(pair[1]) as slow:
        await post(here, range(24, 40))
        await retention.cover(LEDGER, log, 19, 19)
        if held:
            await slow._projection.rebuild(3)
            assert offsets(await events(there, 16)) == list(range(4, 20))
        else:
            await log.trim(10)
            with pytest.raises(LogTrimmed):
                await slow._projection.rebuild(3)


@pytest.mark.parametrize("how", ["kill", "pause"])
async def test_s6_without_redis_nothing_is_taken_and_everybody_is_informed(own: RedisServer, how: str) -> None:
    async with replicas(own) as both:
        here, there = [await listener(one) for one in both]
        await post(here, range(1, 4))
        before = await events(there, 3)
        own.kill() if how == "kill" else own.pause()
        for one in both:
            await eventually(one, is_ready=False)
        assert (await events(there, 1))[0]["event"] == "server.unavailable"
        refused = await there.request("post", account="a", amount=9)
        assert (refused["error_code"], refused["data"]["retry_after"]) == ("UNAVAILABLE", 1.0)
        assert (await there.request("balance", account="a"))["error_code"] == "UNAVAILABLE"
        assert (await there.request("history", channel="account:a"))["error_code"] == "UNAVAILABLE"
        left = await here.request("unsubscribe", channel="account:a")
        assert (left["error_code"], left["data"].get("status")) == (None, "unsubscribed"), "no log is needed to leave"
        own.start() if how == "kill" else own.resume()
        for one in both:
            await eventually(one, is_ready=True)
        assert [event["event"] for event in await events(there, 1)] == ["server.available"]
        speaker = await both[0].connect()
        await post(speaker, range(4, 6))
        after = await events(there, 2)
        assert offsets([*before, *after]) == [1, 2, 3, 4, 5]
        assert {event["epoch"] for event in (*before, *after)} == {before[0]["epoch"]}
        assert await amounts(speaker) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("refuse", "allow"),
    [
        ("CONFIG SET maxmemory 1mb", "CONFIG SET maxmemory 0"),
        ("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
    ],
)
async def test_s6_a_redis_that_answers_and_takes_no_writes_is_as_good_as_none(
    own: RedisServer, refuse: str, allow: str
) -> None:
    """It shows before any write."""
    async with replicas(own, 1) as (one,):
        client, received = await one.connect(), await one.connect()
        await post(client, range(1, 3))
        own.request(*refuse.split())
        await eventually(one, is_ready=False)
        for _ in range(3):
            assert (await client.request("post", account="a", amount=9))["error_code"] == "UNAVAILABLE"
            await eventually(one, is_ready=False)
        assert (await events(received, 1))[0]["event"] == "server.unavailable"
        await received.send("ping")
        assert (await received.read())["type"] == "pong", "it is reported back before it is"
        own.request(*allow.split())
        assert (await events(received, 1))[0]["event"] == "server.available"
        await eventually(one, is_ready=True)
        await post(client, range(3, 4))
        assert await amounts(client) == [1, 2, 3]


async def test_s5_commands_under_way_when_redis_dies_are_kept_whole_and_once(own: RedisServer) -> None:
    """Clients that repeat what was not answered: nothing answered is lost, and nothing is done twice."""
    async with replicas(own) as both:
        clients = [await one.connect() for one in both for _ in range(4)]
        done: list[int] = []

        async def insist(number: int, client: Client) -> None:
            for step in range(12):
                amount = 100 * number + step
                request = {"type": "request", "event": "post", "id": f"r{amount}"}
                answer: dict[str, Any] = {"type": "error"}
                while answer["type"] != "response":
                    await client.socket.send_json(request | {"data": {"account": "a", "amount": amount}})
                    while (answer := await client.read())["correlation_id"] != f"r{amount}":
                        pass
                    await asyncio.sleep(0.02 if answer["type"] == "error" else 0)
                done.append(amount)

        work = asyncio.gather(*(insist(number, client) for number, client in enumerate(clients, 1)))
        for enough in (20, 60):
            await until(lambda enough=enough: len(done) > enough or work.done(), "too slow", LONG)  # type: ignore[misc]
            await asyncio.to_thread(own.kill)
            await asyncio.to_thread(own.start)
        await asyncio.wait_for(work, LONG)
        found = await amounts(clients[0])
        assert sorted(found) == sorted(done)
        assert await amounts(clients[-1]) == found


@pytest.mark.parametrize(("loss", "kept"), [("flush", 0), ("failover", 2)])
async def test_s5_a_log_that_lost_events_gets_another_epoch_and_who_listened_comes_again(
    own: RedisServer, loss: str, kept: int
) -> None:
    """Three events are delivered; of them, `kept` are still there afterwards."""
    async with replicas(own) as both:
        listeners = [await listener(one) for one in both]
        await post(listeners[0], range(1, 3))
        saved = await asyncio.to_thread(own.save)
        await post(listeners[0], range(3, 4))
        epoch = (await events(listeners[1], 3))[0]["epoch"]
        if loss == "flush":
            own.request("FLUSHALL")
        else:
            own.kill()
            own.restore(saved)
            await asyncio.to_thread(own.start)
        assert [await client.close_code() for client in listeners] == [1011, 1011]
        for one in both:
            await eventually(one, is_ready=True)
        again = [await one.connect() for one in both]
        since = {"epoch": epoch, "offset": 3}
        joined = [(await client.request("subscribe", channel="account:a", since=since))["data"] for client in again]
        assert [(each["recovered"], each["offset"]) for each in joined] == [(False, kept)] * 2
        assert joined[0]["epoch"] == joined[1]["epoch"] != epoch
        await post(again[0], range(7, 8))
        (event,) = await events(again[1], 1)
        assert (event["offset"], event["epoch"]) == (kept + 1, joined[1]["epoch"])
        assert await amounts(again[1]) == [*range(1, kept + 1), 7]


async def with_an_end_to_lose(own: RedisServer, one: Running) -> tuple[Client, Client, Path, dict[str, Any]]:
    """A client, a listener, what Redis held before the last of three deliveries, and where one may resume."""
    client, received = await one.connect(), await listener(one)
    await post(client, range(1, 3))
    saved = await asyncio.to_thread(own.save)
    await post(client, range(3, 4))
    return client, received, saved, {"epoch": (await events(received, 3))[0]["epoch"], "offset": 2}


async def assert_another_epoch(one: Running, client: Client, received: Client, since: dict[str, Any]) -> None:
    assert await received.close_code() == 1011
    await eventually(one, is_ready=True)
    joined = (await client.request("subscribe", channel="account:a", since=since))["data"]
    assert (joined["epoch"] != since["epoch"], joined["recovered"]) == (True, False)


async def test_s5_a_log_that_lost_events_gets_another_epoch_though_redis_takes_no_writes_at_first(
    own: RedisServer,
) -> None:
    """As where a replica without the tail took over, and lacks the one that `min-replicas-to-write` requires."""
    async with replicas(own, 1) as (one,):
        client, received, saved, since = await with_an_end_to_lose(own, one)
        async with asleep(one):
            own.kill()
            own.restore(saved)
            await asyncio.to_thread(own.start)
            own.request("CONFIG", "SET", "min-replicas-to-write", "1")
        await eventually(one, is_ready=False)
        own.request("CONFIG", "SET", "min-replicas-to-write", "0")
        await assert_another_epoch(one, client, received, since)


async def test_s5_a_log_that_lost_events_while_others_were_on_their_way_to_it_gets_another_epoch(
    own: RedisServer,
) -> None:
    """Then the state is made anew from the log, which must not hide that the log is shorter than it was."""
    async with replicas(own, 1) as (one,):
        client, received, saved, since = await with_an_end_to_lose(own, one)
        own.kill()
        shared_appender(one)._ahead = True  # as when the store is gone in mid-append
        await eventually(one, is_ready=False)
        own.restore(saved)
        await asyncio.to_thread(own.start)
        await assert_another_epoch(one, client, received, since)


async def until_another_epoch(own: RedisServer, one: Running, saved: Path) -> None:
    """Redis comes back as it was saved, and the replica notices."""
    epoch = one.server.parts.engine.log.epoch
    own.kill()
    own.restore(saved)
    await asyncio.to_thread(own.start)
    await until(lambda: one.server.parts.engine.log.epoch != epoch, "the loss is not noticed", LONG)


async def test_s5_who_catches_up_while_the_log_becomes_another_receives_nothing_of_the_other(
    own: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replicas(own, 1) as (one,):
        _, received, saved, since = await with_an_end_to_lose(own, one)
        engine, rebuilding = one.server.parts.engine, asyncio.Event()
        read, rebuild = engine.reader.read, engine._projection.rebuild

        async def late(*requested: Any) -> Any:
            await until_another_epoch(own, one, saved)
            return await read(*requested)

        async def rebuild_later(*requested: Any) -> None:
            await rebuilding.wait()
            await rebuild(*requested)

        monkeypatch.setattr(engine.reader, "read", late)
        monkeypatch.setattr(engine._projection, "rebuild", rebuild_later)
        await received.request("unsubscribe", channel="account:a")
        await received.request("subscribe", channel="account:a", since=since | {"offset": 0})
        assert (await received.read())["event"] == "server.unavailable"
        with pytest.raises(AssertionError, match="closed 1011"):
            await received.read()
        rebuilding.set()


async def test_s5_a_history_names_no_epoch_but_that_of_its_events(
    own: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replicas(own, 1) as (one,):
        client, _, saved, _ = await with_an_end_to_lose(own, one)
        engine = one.server.parts.engine
        read = engine.reader.read

        async def late(*requested: Any) -> Any:
            monkeypatch.undo()
            await until_another_epoch(own, one, saved)
            await until(lambda: engine.available, "it does not go on", LONG)
            return await read(*requested)

        monkeypatch.setattr(engine.reader, "read", late)
        assert (await client.request("history", channel="account:a"))["error_code"] == "UNAVAILABLE"
        now = (await client.request("history", channel="account:a"))["data"]
        assert (now["epoch"], now["offset"], offsets(now["events"])) == (engine.log.epoch, 2, [1, 2])
