"""Replicas of one service on one real Redis: one history at each of them."""

import asyncio
from collections.abc import Mapping
from uuid import uuid4

import pytest

from bodhisattva.servers.core.config import LogConfig
from bodhisattva.servers.core.log.base import Entry
from bodhisattva.servers.core.log.redis import RedisLog
from bodhisattva.servers.tests.ledger import LEDGER, UNAPPLICABLE
from bodhisattva.servers.tests.redis_server import RedisServer
from bodhisattva.servers.tests.replicas import amounts, listener, replicas, shared_appender
from bodhisattva.servers.tests.running import SECURED, Running, events, offsets, post, running, token


async def test_s5_a_subscriber_here_receives_what_is_commanded_there_in_order(pair: list[Running]) -> None:
    listeners = [await listener(one) for one in pair]
    speakers = [await one.connect() for one in pair]
    await asyncio.gather(post(speakers[0], range(21, 40)), post(speakers[1], range(101, 120)))
    received = [await events(client, 38) for client in listeners]
    assert received[0] == received[1], "same events, same order, same offsets and epoch"
    assert offsets(received[0]) == list(range(1, 39))
    assert (
        [event["data"]["amount"] for event in received[0]] == await amounts(speakers[0]) == await amounts(speakers[1])
    )


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
        await client.send("subscribe", channel="global")
        await client.send("refresh_token", token=token("account:read"))
        answers = [await client.read() for _ in range(2)]
        assert {answer["event"]: answer["error_code"] for answer in answers} == {
            "refresh_token": None,
            "subscribe": "FORBIDDEN",
        }
        assert one.server.parts.hub.present("global") == []


async def test_s5_an_offset_that_was_delivered_here_is_known_there(pair: list[Running]) -> None:
    here = await listener(pair[0])
    speaker, there = await pair[0].connect(), await pair[1].connect()
    for amount in range(20, 50):
        await speaker.send("post", account="a", amount=amount)
        (event,) = await events(here, 1)
        since = {"epoch": event["epoch"], "offset": event["offset"]}
        joined = (await there.request("subscribe", channel="account:a", since=since))["data"]
        assert (joined["recovered"], joined["offset"]) == (True, event["offset"])


async def test_s3_a_request_after_a_subscription_is_done_after_it(pair: list[Running]) -> None:
    client = await pair[0].connect()
    await client.send("subscribe", channel="account:a")
    await client.send("unsubscribe", channel="account:a")
    assert [(await client.read())["event"] for _ in range(2)] == ["subscribe", "unsubscribe"]
    await post(client, range(1, 2))
    assert (await client.request("presence", channel="account:a"))["data"]["members"] == []


async def test_s3_so_it_is_where_the_log_was_trimmed_however_long_a_look_at_its_beginning_takes(
    pair: list[Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, log = pair[0].server.parts.engine, shared_appender(pair[0])._log
    log_starts_of, requested = log.log_starts_of, asyncio.Event()

    async def log_starts_of_the_first_last(*channels: str) -> Mapping[str, int]:
        if not requested.is_set():
            requested.set()
            await asyncio.sleep(0.1)
        return await log_starts_of(*channels)

    monkeypatch.setattr(log, "log_starts_of", log_starts_of_the_first_last)
    monkeypatch.setattr(engine._projection, "log_starts_read_at", -1)
    client = await pair[0].connect()
    await client.send("subscribe", channel="account:a")
    await client.send("unsubscribe", channel="account:a")
    assert [(await client.read())["event"] for _ in range(2)] == ["subscribe", "unsubscribe"]
    assert (await client.request("presence", channel="account:a"))["data"]["members"] == []


@pytest.mark.parametrize("attempt", range(3))
async def test_s5_of_decisions_that_exclude_each_other_one_is_taken(pair: list[Running], attempt: int) -> None:
    """An account of 10, from which many want to take 10 at the same time."""
    clients = [await one.connect() for one in pair for _ in range(5)]
    await post(clients[0], range(10, 11))
    answers = await asyncio.gather(*(client.request("post", account="a", amount=-10) for client in clients))
    assert sorted(answer["error_code"] or "" for answer in answers) == ["", *["CONFLICT"] * 9]
    assert await amounts(clients[0]) == await amounts(clients[-1]) == [10, -10]


async def test_s5_however_many_request_history_at_once_all_are_answered(pair: list[Running]) -> None:
    client = await pair[0].connect()
    await post(client, range(1, 6))
    for _ in range(300):
        await client.send("history", channel="account:a")
    answers = [await client.read() for _ in range(300)]
    assert {(answer["type"], len(answer["data"].get("events", ()))) for answer in answers} == {("response", 5)}
    assert (await pair[0].get("/ready"))[0] == 200


async def test_s1_2_the_same_id_is_executed_once_at_any_replica(pair: list[Running]) -> None:
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
            answer = await late.request("history", channel="account:a")
            assert [event["offset"] for event in answer["data"]["events"]] == list(range(1, 8))


async def test_s5_what_cannot_be_handled_leaves_no_trace(pair: list[Running]) -> None:
    client = await pair[0].connect()
    assert (await client.request("break_down", words="x"))["error_code"] == "INTERNAL_ERROR"
    assert (await client.request("post", account=5))["error_code"] == "INVALID_DATA"
    await post(client, range(1, 2))
    assert await amounts(client) == [1]


async def test_an_event_that_cannot_be_applied_leaves_no_trace(pair: list[Running]) -> None:
    here, there = [await one.connect() for one in pair]
    await post(there, range(1, 2))
    requested = [await here.send("post", account="a", amount=amount) for amount in (2, UNAPPLICABLE, 3)]
    answers = {(answer := await here.read())["correlation_id"]: answer for _ in requested}
    assert [answers[request]["error_code"] for request in requested] == [None, "INTERNAL_ERROR", None]
    assert await amounts(there) == await amounts(here) == [1, 2, 3]


async def test_s5_whoever_held_its_turn_too_long_takes_its_decisions_back(
    pair: list[Running], redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a decision and its writing, the turn passes to the other, who takes the money."""
    here, there = [await one.connect() for one in pair]
    await post(here, range(10, 11))
    log = pair[0].server.parts.engine.log
    assert isinstance(log, RedisLog)
    append, late = log.append, asyncio.Event()

    async def sleepy(*entries: Entry, more: bool = False) -> None:
        if not late.is_set():
            late.set()
            await asyncio.to_thread(redis.request, "DEL", f"{log._keys.base}turn")
            await post(there, range(-10, -9))
        await append(*entries, more=more)

    monkeypatch.setattr(log, "append", sleepy)
    answer = await here.request("post", account="a", amount=-10)
    assert late.is_set()
    assert answer["error_code"] == "CONFLICT"
    assert await amounts(here) == await amounts(there) == [10, -10]


async def test_s5_a_turn_of_a_replica_that_died_ends_by_itself(pair: list[Running], redis: RedisServer) -> None:
    client = await pair[0].connect()
    log = pair[0].server.parts.engine.log
    assert isinstance(log, RedisLog)
    redis.request("SET", f"{log._keys.base}turn", "dead", "PX", "700")
    redis.request("RPUSH", f"{log._keys.base}queue", "dead-too")
    await asyncio.wait_for(post(client, range(1, 4)), 4)
    assert await amounts(client) == [1, 2, 3]
