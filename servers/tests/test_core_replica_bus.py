"""What replicas send each other and nobody keeps: ephemeral events, and who is there."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest
from redis.crc import key_slot

from bodhisattva.servers.core.config import LogConfig
from bodhisattva.servers.core.domain import Event
from bodhisattva.servers.tests.ledger import LEDGER
from bodhisattva.servers.tests.redis_server import SLOTS, RedisServer, redis_cluster
from bodhisattva.servers.tests.relay import relay
from bodhisattva.servers.tests.replicas import (
    LONG,
    amounts,
    asleep,
    eventually,
    listener,
    replicas,
    sees,
    shared_appender,
)
from bodhisattva.servers.tests.running import Client, Running, events, offsets, post, running


async def test_s3_however_many_query_presence_at_once_all_are_answered(pair: list[Running]) -> None:
    client = await listener(pair[0])
    for _ in range(300):
        await client.send("presence", channel="account:a")
    answers = [await client.read() for _ in range(300)]
    assert {(answer["type"], len(answer["data"].get("members", ()))) for answer in answers} == {("response", 1)}
    assert (await pair[0].get("/ready"))[0] == 200


async def test_s5_what_is_ephemeral_here_is_delivered_there_once(pair: list[Running]) -> None:
    here, there = [await one.connect() for one in pair]
    for client in (here, there):
        await client.request("subscribe", channel="waves:a")
    for _ in range(20):
        await here.send("wave", account="a")
    for client in (here, there):
        assert [event["event"] for event in await events(client, 20)] == ["waved"] * 20
    await post(there, range(1, 2))
    assert (await there.request("wave", account="b"))["type"] == "response"


async def test_s5_of_what_waits_to_be_broadcast_there_only_the_newest_about_a_subject_is(pair: list[Running]) -> None:
    """However many there are, whoever left is not forgotten for it."""
    there = await pair[1].connect()
    await there.request("subscribe", channel="waves:a")
    hub = pair[0].server.parts.hub
    hub.publish_ephemeral(Event("left", ("waves:a",), {}, coalesce_key="bob"))
    for number in range(20_000):
        hub.publish_ephemeral(Event("moved", ("waves:a",), {"number": number}, coalesce_key="ada"))
    received = [await there.read() for _ in range(2)]
    assert [event["event"] for event in received] == ["left", "moved"]
    assert received[1]["data"] == {"number": 19_999}


async def test_s3_presence_is_of_all_replicas_and_ends_with_the_connection(pair: list[Running]) -> None:
    here, there = [await one.connect() for one in pair]
    await here.request("subscribe", channel="waves:a")
    await there.request("enter", account="a")
    for client in (here, there):
        members = (await client.request("presence", channel="waves:a"))["data"]["members"]
        assert sorted(member.get("name", "") for member in members) == ["", "anonymous"]
    await there.socket.close()
    received: list[str] = []
    while "left" not in received:
        received += [event["event"] for event in await events(here, 1)]
    (member,) = (await here.request("presence", channel="waves:a"))["data"]["members"]
    assert "name" not in member


@pytest.mark.deploy
async def test_s3_presence_is_of_all_replicas_whatever_node_of_a_cluster_they_know() -> None:
    with redis_cluster() as nodes:
        logs = [LogConfig("redis", url=f"redis+cluster://127.0.0.1:{node.port}") for node in nodes]
        async with AsyncExitStack() as stack:
            three = [await stack.enter_async_context(running(LEDGER, log=log)) for log in logs]
            clients = [await one.connect() for one in three]
            for client in clients:
                await client.request("subscribe", channel="waves:a")
            for client in clients:
                async with asyncio.timeout(2):
                    members = (await client.request("presence", channel="waves:a"))["data"]["members"]
                assert len({member["connection_id"] for member in members}) == 3
            await clients[0].send("wave", account="a")
            for client in clients:
                assert [event["event"] for event in await events(client, 1)] == ["waved"]
            await post(clients[1], range(1, 4))
            assert [await amounts(client) for client in clients] == [[1, 2, 3]] * 3


@pytest.mark.deploy
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


@pytest.mark.parametrize("sense", ["arrival", "messages"])
async def test_s5_a_failure_that_nobody_expects_ends_no_subscription_of_a_replica(
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
    for task in shared_appender(pair[1])._bus._tasks:
        task.cancel()
    async with asyncio.timeout(2):
        assert len((await here.request("presence", channel="account:a"))["data"]["members"]) == 1


async def test_s5_a_replica_that_lost_its_subscription_without_an_end_receives_again(
    redis: RedisServer,
) -> None:
    """As where something on the way has forgotten a connection over which nothing is sent."""
    async with relay(redis.port) as link, replicas(redis, 1) as (one,):
        log = msgspec.structs.replace(one.config.log, url=f"redis://127.0.0.1:{link.port}/0")
        async with running(LEDGER, log=log) as other:
            here, there = await one.connect(), await other.connect()
            await there.request("subscribe", channel="waves:a")
            link.silence(b"SSUBSCRIBE")
            receiving = asyncio.ensure_future(receives_a_wave(there))
            while not receiving.done():
                await here.request("wave", account="a")
            await receiving
            await sees(here, "waves:a", 1)


async def receives_a_wave(client: Client) -> None:
    while (await client.read())["event"] != "waved":
        pass
