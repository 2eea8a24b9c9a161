"""Replicas of one service on one real Redis: one history, whoever is asked, and no silence where it breaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis.crc import key_slot
from structlog.testing import capture_logs

from bodhisattva.servers.core.config import LogConfig, Retention
from bodhisattva.servers.core.engine import retention
from bodhisattva.servers.core.log.base import Entry, LogRefused, LogTrimmed
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.core.log.redis_records import Keys
from bodhisattva.servers.core.replicas.replica import Replica
from bodhisattva.servers.core.work import ended
from bodhisattva.servers.tests.ledger import LEDGER, UNAPPLICABLE
from bodhisattva.servers.tests.redis_server import SLOTS, RedisServer, redis_cluster, redis_server
from bodhisattva.servers.tests.running import SECURED, Client, Running, events, offsets, post, running, token, until

LONG = 10.0


@asynccontextmanager
async def replicas(redis: RedisServer, number: int = 2, **settings: Any) -> AsyncIterator[list[Running]]:
    """So many servers of the ledger, on a log of their own."""
    log = LogConfig("redis", url=redis.url, prefix=f"test-{uuid4()}", timeout=0.5, **settings)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running(LEDGER, log=log)) for _ in range(number)]


@pytest.fixture
async def pair(redis: RedisServer) -> AsyncIterator[list[Running]]:
    async with replicas(redis) as both:
        yield both


@pytest.fixture
async def own() -> AsyncIterator[RedisServer]:
    """A Redis that the test may break."""
    with redis_server() as server:
        yield server


async def amounts(client: Client) -> list[int]:
    found: list[int] = (await client.ask("balance", account="a"))["data"]["amounts"]
    return found


async def eventually(one: Running, *, is_ready: bool) -> None:
    async with asyncio.timeout(LONG):
        while ((await one.get("/ready"))[0] == 200) is not is_ready:  # noqa: ASYNC110 - all that a client can do
            await asyncio.sleep(0.02)


async def listener(one: Running) -> Client:
    client = await one.connect()
    await client.ask("subscribe", channel="account:a")
    return client


async def test_s5_who_listens_here_hears_what_is_commanded_there_in_order(pair: list[Running]) -> None:
    listeners = [await listener(one) for one in pair]
    speakers = [await one.connect() for one in pair]
    await asyncio.gather(post(speakers[0], range(21, 40)), post(speakers[1], range(101, 120)))
    heard = [await events(client, 38) for client in listeners]
    assert heard[0] == heard[1], "same events, same order, same offsets and epoch"
    assert offsets(heard[0]) == list(range(1, 39))
    assert [event["data"]["amount"] for event in heard[0]] == await amounts(speakers[0]) == await amounts(speakers[1])


async def test_s5_what_was_answered_here_is_seen_there_at_once(pair: list[Running]) -> None:
    here, there = [await one.connect() for one in pair]
    for amount in range(20, 50):
        await post(here, range(amount, amount + 1))
        assert (await amounts(there))[-1] == amount
        here, there = there, here


async def test_s2_who_renews_the_token_before_a_subscription_is_answered_is_judged_by_the_new_one(
    redis: RedisServer,
) -> None:
    log = LogConfig("redis", url=redis.url, prefix=f"test-{uuid4()}")
    async with running(LEDGER, log=log, **SECURED) as one:
        client = await one.connect(token=token("ledger:read"))
        await client.say("subscribe", channel="global")
        await client.say("refresh_token", token=token("account:read"))
        answers = [await client.read() for _ in range(2)]
        assert {answer["event"]: answer["error_code"] for answer in answers} == {
            "refresh_token": None,
            "subscribe": "FORBIDDEN",
        }
        assert one.server._hub.present("global") == []


async def test_s5_an_offset_that_was_heard_here_is_known_there(pair: list[Running]) -> None:
    here = await listener(pair[0])
    speaker, there = await pair[0].connect(), await pair[1].connect()
    for amount in range(20, 50):
        await speaker.say("post", account="a", amount=amount)
        (event,) = await events(here, 1)
        since = {"epoch": event["epoch"], "offset": event["offset"]}
        joined = (await there.ask("subscribe", channel="account:a", since=since))["data"]
        assert (joined["recovered"], joined["offset"]) == (True, event["offset"])


async def test_s3_what_is_asked_after_a_subscription_is_done_after_it(pair: list[Running]) -> None:
    client = await pair[0].connect()
    await client.say("subscribe", channel="account:a")
    await client.say("unsubscribe", channel="account:a")
    assert [(await client.read())["event"] for _ in range(2)] == ["subscribe", "unsubscribe"]
    await post(client, range(1, 2))
    assert (await client.ask("presence", channel="account:a"))["data"]["members"] == []


@pytest.mark.parametrize("attempt", range(3))
async def test_s5_of_decisions_that_exclude_each_other_one_is_taken(pair: list[Running], attempt: int) -> None:
    """An account of 10, from which many want to take 10 at the same time."""
    clients = [await one.connect() for one in pair for _ in range(5)]
    await post(clients[0], range(10, 11))
    answers = await asyncio.gather(*(client.ask("post", account="a", amount=-10) for client in clients))
    assert sorted(answer["error_code"] or "" for answer in answers) == ["", *["CONFLICT"] * 9]
    assert await amounts(clients[0]) == await amounts(clients[-1]) == [10, -10]


async def test_s5_however_many_ask_for_the_past_at_once_all_are_answered(pair: list[Running]) -> None:
    client = await pair[0].connect()
    await post(client, range(1, 6))
    for _ in range(300):
        await client.say("history", channel="account:a")
    answers = [await client.read() for _ in range(300)]
    assert {(answer["type"], len(answer["data"].get("events", ()))) for answer in answers} == {("response", 5)}
    assert (await pair[0].get("/ready"))[0] == 200


async def test_s3_however_many_ask_who_is_there_at_once_all_are_answered(pair: list[Running]) -> None:
    client = await listener(pair[0])
    for _ in range(300):
        await client.say("presence", channel="account:a")
    answers = [await client.read() for _ in range(300)]
    assert {(answer["type"], len(answer["data"].get("members", ()))) for answer in answers} == {("response", 1)}
    assert (await pair[0].get("/ready"))[0] == 200


async def test_s1_2_the_same_id_is_executed_once_whoever_is_asked(pair: list[Running]) -> None:
    clients = [await one.connect() for one in pair for _ in range(3)]
    message = {"type": "request", "event": "post", "id": "r1", "data": {"account": "a", "amount": 5}}
    for client in clients:
        await client.socket.send_json(message)
    answers = [(await client.read())["data"] for client in clients]
    assert answers == [answers[0]] * 6
    await clients[0].socket.send_json(message)
    assert (await clients[0].read())["data"] == answers[0]
    assert await amounts(clients[-1]) == [5]


async def test_s1_2_a_refusal_is_the_answer_there_too(pair: list[Running]) -> None:
    here, there = [await one.connect() for one in pair]
    message = {"type": "request", "event": "post", "id": "r1", "data": {"account": "a", "amount": -5}}
    await here.socket.send_json(message)
    refused = await here.read()
    await post(there, range(10, 11))
    await there.socket.send_json(message)
    again = await there.read()
    assert (
        (again["error_code"], again["data"]) == (refused["error_code"], refused["data"]) == ("CONFLICT", again["data"])
    )


async def test_s5_a_replica_that_comes_later_holds_all_of_it(redis: RedisServer) -> None:
    async with replicas(redis, 1) as (first,):
        client = await first.connect()
        await post(client, range(1, 8))
        async with running(LEDGER, log=first.config.log) as second:
            late = await second.connect()
            assert await amounts(late) == list(range(1, 8))
            answer = await late.ask("history", channel="account:a")
            assert [event["offset"] for event in answer["data"]["events"]] == list(range(1, 8))


async def test_s5_retention_is_kept_by_one_and_known_to_all(redis: RedisServer) -> None:
    async with replicas(redis, retention=Retention(events=5, interval=0.01)) as both:
        here, there = [await one.connect() for one in both]
        live = await listener(both[1])
        epoch = both[0].server._engine.log.epoch
        await post(here, range(21, 60))
        await post(there, range(60, 100))
        for one in both:
            await until(lambda one=one: one.server._engine.floor("global") == 74, "not trimmed")  # type: ignore[misc]
        assert offsets(await events(live, 79)) == list(range(1, 80)), "whoever listens hears what is then removed"
        for client in (here, there):
            history = (await client.ask("history", channel="account:a"))["data"]
            assert (offsets(history["events"]), history["offset"]) == (list(range(75, 80)), 79)
            for since, recovered in ((73, False), (74, True)):
                data = {"channel": "account:a", "since": {"epoch": epoch, "offset": since}}
                assert (await client.ask("subscribe", **data))["data"]["recovered"] is recovered
        async with running(LEDGER, log=both[0].config.log) as third:
            assert await amounts(await third.connect()) == list(range(21, 100))


async def test_s6_what_a_stranger_removed_of_the_events_is_said_as_long_as_it_is_missing(own: RedisServer) -> None:
    async with replicas(own, 1) as (one,):
        client, other = [await one.connect() for _ in range(2)]
        await post(client, range(21, 31))
        saved = await asyncio.to_thread(own.save)
        assert own.ask("XTRIM", f"{Keys(one.config.log.prefix, LEDGER.name).base}entries", "MINID", "6") == ":5"
        with capture_logs() as lines:
            for _ in range(3):
                assert (await client.ask("history", channel="account:a"))["error_code"] == "UNAVAILABLE"
            await eventually(one, is_ready=False)
            with pytest.raises(LogRefused, match="restore it from a backup"):
                async with running(LEDGER, log=one.config.log):
                    pass
            own.kill()
            own.restore(saved)
            await asyncio.to_thread(own.start)
            await eventually(one, is_ready=True)
        assert offsets((await other.ask("history", channel="account:a"))["data"]["events"]) == list(range(1, 11))
        said = [(line["event"], line.get("channel")) for line in lines if "read" in line["event"]]
        assert said == [("store cannot be read", "account:a"), ("store can be read again", None)]


@asynccontextmanager
async def asleep(one: Running) -> AsyncIterator[Replica]:
    """A replica that looks at nothing and answers no neighbour until the end of the block."""
    engine = one.server._engine
    assert isinstance(engine, Replica)
    await ended(*engine._tasks, *engine._neighbours._tasks)
    yield engine
    await engine._wake()


async def test_s5_who_slept_while_events_were_removed_does_not_pass_over_them_in_silence(redis: RedisServer) -> None:
    async with replicas(redis) as both:
        here, there = await both[0].connect(), await listener(both[1])
        await post(here, range(21, 24))
        epoch = (await events(there, 3))[0]["epoch"]
        async with asleep(both[1]):
            await post(here, range(24, 40))
            await retention.trim(both[0].server._engine, Retention(events=5))
        assert await there.close_code() == 1011
        again = await both[1].connect()
        since = {"epoch": epoch, "offset": 3}
        joined = (await again.ask("subscribe", channel="account:a", since=since))["data"]
        assert (joined["recovered"], joined["offset"], joined["epoch"]) == (False, 19, epoch)
        assert await amounts(again) == list(range(21, 40))
        await post(here, range(40, 41))
        assert offsets(await events(again, 1)) == [20]


async def test_s5_who_resumes_before_what_a_stranger_removed_is_told_so_when_it_comes_again(redis: RedisServer) -> None:
    async with replicas(redis, 1) as (one,):
        await post(await one.connect(), range(21, 31))
        stream = Keys(one.config.log.prefix, LEDGER.name).channel("account:a")
        assert redis.ask("XTRIM", stream, "MINID", "6") == ":5"
        epoch = one.server._engine.log.epoch
        first, again, other = [await one.connect() for _ in range(3)]
        await first.say("subscribe", channel="account:a", since={"epoch": epoch, "offset": 3})
        assert await first.close_code() == 1011
        for client, since, expected in ((again, 3, (False, 10)), (other, 5, (True, 5))):
            data = {"channel": "account:a", "since": {"epoch": epoch, "offset": since}}
            joined = (await client.ask("subscribe", **data))["data"]
            assert (joined["recovered"], joined["offset"]) == expected
        assert offsets(await events(other, 5)) == [6, 7, 8, 9, 10]


@pytest.mark.parametrize("held", [True, False])
async def test_s5_what_is_still_to_be_told_is_told_though_a_snapshot_stands_for_it(
    pair: list[Running], held: bool
) -> None:
    """A replica that has to rebuild its state, after another took a snapshot of what it has not told yet."""
    here, there = await pair[0].connect(), await listener(pair[1])
    await post(here, range(21, 24))
    assert offsets(await events(there, 3)) == [1, 2, 3]
    log = pair[0].server._engine.log
    async with asleep(pair[1]) as slow:
        await post(here, range(24, 40))
        await retention.cover(LEDGER, log, 19, 19)
        if held:
            await slow._rebuild(3)
            assert offsets(await events(there, 16)) == list(range(4, 20))
        else:
            await log.trim(10)
            with pytest.raises(LogTrimmed):
                await slow._rebuild(3)


async def test_s5_what_cannot_be_handled_leaves_no_trace(pair: list[Running]) -> None:
    client = await pair[0].connect()
    assert (await client.ask("break_down", words="x"))["error_code"] == "INTERNAL_ERROR"
    assert (await client.ask("post", account=5))["error_code"] == "INVALID_DATA"
    await post(client, range(1, 2))
    assert await amounts(client) == [1]


async def test_s5_what_is_only_said_here_is_heard_there_once(pair: list[Running]) -> None:
    here, there = [await one.connect() for one in pair]
    for client in (here, there):
        await client.ask("subscribe", channel="waves:a")
    for _ in range(20):
        await here.say("wave", account="a")
    for client in (here, there):
        assert [event["event"] for event in await events(client, 20)] == ["waved"] * 20
    await post(there, range(1, 2))
    assert (await there.ask("wave", account="b"))["type"] == "response"


async def test_s3_presence_is_of_all_replicas_and_ends_with_the_connection(pair: list[Running]) -> None:
    here, there = [await one.connect() for one in pair]
    await here.ask("subscribe", channel="waves:a")
    await there.ask("enter", account="a")
    for client in (here, there):
        members = (await client.ask("presence", channel="waves:a"))["data"]["members"]
        assert sorted(member.get("name", "") for member in members) == ["", "anonymous"]
    await there.socket.close()
    heard: list[str] = []
    while "left" not in heard:
        heard += [event["event"] for event in await events(here, 1)]
    (member,) = (await here.ask("presence", channel="waves:a"))["data"]["members"]
    assert "name" not in member


async def test_s3_presence_is_of_all_replicas_whatever_node_of_a_cluster_they_know() -> None:
    with redis_cluster() as nodes:
        logs = [LogConfig("redis", url=f"redis+cluster://127.0.0.1:{node.port}") for node in nodes]
        async with AsyncExitStack() as stack:
            three = [await stack.enter_async_context(running(LEDGER, log=log)) for log in logs]
            clients = [await one.connect() for one in three]
            for client in clients:
                await client.ask("subscribe", channel="waves:a")
            for client in clients:
                async with asyncio.timeout(2):
                    members = (await client.ask("presence", channel="waves:a"))["data"]["members"]
                assert len({member["connection_id"] for member in members}) == 3
            await clients[0].say("wave", account="a")
            for client in clients:
                assert [event["event"] for event in await events(client, 1)] == ["waved"]
            await post(clients[1], range(1, 4))
            assert [await amounts(client) for client in clients] == [[1, 2, 3]] * 3


async def test_s3_presence_is_of_all_replicas_again_when_the_node_of_a_cluster_is_back() -> None:
    with redis_cluster() as nodes:
        log = LogConfig("redis", url=f"redis+cluster://127.0.0.1:{nodes[0].port}", timeout=0.5)
        holder = nodes[key_slot(f"{log.prefix}:ledger".encode()) * len(nodes) // SLOTS]
        async with running(LEDGER, log=log) as one, running(LEDGER, log=log) as other:
            clients = [await listener(each) for each in (one, other)]
            holder.kill()
            for each in (one, other):
                await eventually(each, is_ready=False)
            await asyncio.to_thread(holder.start)
            for each in (one, other):
                await eventually(each, is_ready=True)
            for client in clients:
                await sees(client, "account:a", 2)


async def sees(client: Client, channel: str, number: int) -> None:
    """Wait until so many are shown on a channel."""
    async with asyncio.timeout(LONG):
        while len((await client.ask("presence", channel=channel))["data"].get("members", ())) != number:  # noqa: ASYNC110 - all that a client can do
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("sense", ["arrival", "heard"])
async def test_s5_a_failure_that_nobody_expects_makes_no_replica_deaf(
    pair: list[Running], monkeypatch: pytest.MonkeyPatch, sense: str
) -> None:
    async with asleep(pair[1]) as engine:
        working, failed = getattr(engine.log, sense), asyncio.Event()

        def fail_once() -> Any:
            if failed.is_set():
                return working()
            failed.set()
            raise RuntimeError("of a library")

        monkeypatch.setattr(engine.log, sense, fail_once)
    await asyncio.wait_for(failed.wait(), LONG)
    here, there = await pair[0].connect(), await listener(pair[1])
    await post(here, range(1, 2))
    assert offsets(await events(there, 1)) == [1]
    await sees(here, "account:a", 1)


async def test_s3_presence_does_not_wait_for_a_replica_that_died(pair: list[Running]) -> None:
    here = await listener(pair[0])
    for task in pair[1].server._engine._neighbours._tasks:  # type: ignore[attr-defined]
        task.cancel()
    async with asyncio.timeout(2):
        assert len((await here.ask("presence", channel="account:a"))["data"]["members"]) == 1


async def test_an_event_that_cannot_be_applied_leaves_no_trace(pair: list[Running]) -> None:
    here, there = [await one.connect() for one in pair]
    await post(there, range(1, 2))
    asked = [await here.say("post", account="a", amount=amount) for amount in (2, UNAPPLICABLE, 3)]
    answers = {(answer := await here.read())["correlation_id"]: answer for _ in asked}
    assert [answers[request]["error_code"] for request in asked] == [None, "INTERNAL_ERROR", None]
    assert await amounts(there) == await amounts(here) == [1, 2, 3]


async def test_s5_whoever_held_its_turn_too_long_takes_its_decisions_back(
    pair: list[Running], redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a decision and its writing, the turn passes to the other, who takes the money."""
    here, there = [await one.connect() for one in pair]
    await post(here, range(10, 11))
    log = pair[0].server._engine.log
    assert isinstance(log, RedisLog)
    propose, late = log.propose, asyncio.Event()

    async def sleepy(*entries: Entry, more: bool = False) -> None:
        if not late.is_set():
            late.set()
            await asyncio.to_thread(redis.ask, "DEL", f"{log._keys.base}turn")
            await post(there, range(-10, -9))
        await propose(*entries, more=more)

    monkeypatch.setattr(log, "propose", sleepy)
    answer = await here.ask("post", account="a", amount=-10)
    assert late.is_set()
    assert answer["error_code"] == "CONFLICT"
    assert await amounts(here) == await amounts(there) == [10, -10]


async def test_s5_a_turn_of_a_replica_that_died_ends_by_itself(pair: list[Running], redis: RedisServer) -> None:
    client = await pair[0].connect()
    log = pair[0].server._engine.log
    assert isinstance(log, RedisLog)
    redis.ask("SET", f"{log._keys.base}turn", "dead", "PX", "700")
    redis.ask("RPUSH", f"{log._keys.base}queue", "dead-too")
    await asyncio.wait_for(post(client, range(1, 4)), 4)
    assert await amounts(client) == [1, 2, 3]


@pytest.mark.parametrize("how", ["kill", "pause"])
async def test_s6_without_redis_nothing_is_taken_and_everybody_is_told(own: RedisServer, how: str) -> None:
    async with replicas(own) as both:
        here, there = [await listener(one) for one in both]
        await post(here, range(1, 4))
        before = await events(there, 3)
        own.kill() if how == "kill" else own.pause()
        for one in both:
            await eventually(one, is_ready=False)
        assert (await events(there, 1))[0]["event"] == "server.unavailable"
        refused = await there.ask("post", account="a", amount=9)
        assert (refused["error_code"], refused["data"]["retry_after"]) == ("UNAVAILABLE", 1.0)
        assert (await there.ask("balance", account="a"))["error_code"] == "UNAVAILABLE"
        assert (await there.ask("history", channel="account:a"))["error_code"] == "UNAVAILABLE"
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
    """It shows before anybody asks for something to be written."""
    async with replicas(own, 1) as (one,):
        client, heard = await one.connect(), await one.connect()
        await post(client, range(1, 3))
        own.ask(*refuse.split())
        await eventually(one, is_ready=False)
        for _ in range(3):
            assert (await client.ask("post", account="a", amount=9))["error_code"] == "UNAVAILABLE"
            await eventually(one, is_ready=False)
        assert (await events(heard, 1))[0]["event"] == "server.unavailable"
        await heard.say("ping")
        assert (await heard.read())["type"] == "pong", "it is said to be back before it is"
        own.ask(*allow.split())
        assert (await events(heard, 1))[0]["event"] == "server.available"
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
    """Three events are told; of them, `kept` are still there afterwards."""
    async with replicas(own) as both:
        listeners = [await listener(one) for one in both]
        await post(listeners[0], range(1, 3))
        saved = await asyncio.to_thread(own.save)
        await post(listeners[0], range(3, 4))
        epoch = (await events(listeners[1], 3))[0]["epoch"]
        if loss == "flush":
            own.ask("FLUSHALL")
        else:
            own.kill()
            own.restore(saved)
            await asyncio.to_thread(own.start)
        assert [await client.close_code() for client in listeners] == [1011, 1011]
        for one in both:
            await eventually(one, is_ready=True)
        again = [await one.connect() for one in both]
        since = {"epoch": epoch, "offset": 3}
        joined = [(await client.ask("subscribe", channel="account:a", since=since))["data"] for client in again]
        assert [(each["recovered"], each["offset"]) for each in joined] == [(False, kept)] * 2
        assert joined[0]["epoch"] == joined[1]["epoch"] != epoch
        await post(again[0], range(7, 8))
        (event,) = await events(again[1], 1)
        assert (event["offset"], event["epoch"]) == (kept + 1, joined[1]["epoch"])
        assert await amounts(again[1]) == [*range(1, kept + 1), 7]


async def with_an_end_to_lose(own: RedisServer, one: Running) -> tuple[Client, Client, Path, dict[str, Any]]:
    """A client, a listener, what Redis held before the last of three events were told, and where one may resume."""
    client, heard = await one.connect(), await listener(one)
    await post(client, range(1, 3))
    saved = await asyncio.to_thread(own.save)
    await post(client, range(3, 4))
    return client, heard, saved, {"epoch": (await events(heard, 3))[0]["epoch"], "offset": 2}


async def assert_another_epoch(one: Running, client: Client, heard: Client, since: dict[str, Any]) -> None:
    assert await heard.close_code() == 1011
    await eventually(one, is_ready=True)
    joined = (await client.ask("subscribe", channel="account:a", since=since))["data"]
    assert (joined["epoch"] != since["epoch"], joined["recovered"]) == (True, False)


async def test_s5_a_log_that_lost_events_gets_another_epoch_though_redis_takes_no_writes_at_first(
    own: RedisServer,
) -> None:
    """As where a replica without the tail took over, and has none of its own yet that `min-replicas-to-write` asks."""
    async with replicas(own, 1) as (one,):
        client, heard, saved, since = await with_an_end_to_lose(own, one)
        async with asleep(one):
            own.kill()
            own.restore(saved)
            await asyncio.to_thread(own.start)
            own.ask("CONFIG", "SET", "min-replicas-to-write", "1")
        await eventually(one, is_ready=False)
        own.ask("CONFIG", "SET", "min-replicas-to-write", "0")
        await assert_another_epoch(one, client, heard, since)


async def test_s5_a_log_that_lost_events_while_others_were_on_their_way_to_it_gets_another_epoch(
    own: RedisServer,
) -> None:
    """Then the state is made anew from the log, which must not hide that the log is shorter than it was."""
    async with replicas(own, 1) as (one,):
        client, heard, saved, since = await with_an_end_to_lose(own, one)
        own.kill()
        one.server._engine._ahead = True  # type: ignore[attr-defined] # as when the store is gone in mid-propose
        await eventually(one, is_ready=False)
        own.restore(saved)
        await asyncio.to_thread(own.start)
        await assert_another_epoch(one, client, heard, since)
