"""Limits over a socket: slow consumers, sizes, counts, and that what ends frees everything (protocol 2.2, 2.5, 4)."""

import asyncio
import gc

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.transport.websocket import CLOSE_TIMEOUT
from bodhisattva.servers.tests.running import (
    SECURED,
    events,
    limits,
    offsets,
    post,
    running,
    token,
    unreading_peer,
    until,
)

LONG = "x" * 10_000  # fills what the kernel buffers for a peer within a few hundred events


async def test_s4_a_slow_consumer_is_closed_4008_and_delays_nobody() -> None:
    async with running(limits=limits(queue_bytes=200_000, queue_age=2)) as one:
        unreading = await asyncio.to_thread(unreading_peer, one.server.port)
        witness, writer = await one.connect(), await one.connect()
        await witness.request("subscribe", channel="account:a")
        received: list[int] = []
        while one.server.metrics.slow_consumers._value.get() == 0:
            await post(writer, range(100, 110), note=LONG)
            received += offsets(await events(witness, 10))
            assert len(received) < 10_000, "the unreading peer was never closed"
        assert received == list(range(1, len(received) + 1))
        await until(lambda: len(one.server.parts.connections) == 2, "the unreading peer was not let go")
        unreading.close()


async def test_s4_what_waits_too_long_closes_4008() -> None:
    async with running(limits=limits(queue_age=0.3)) as one:
        unreading = await asyncio.to_thread(unreading_peer, one.server.port)
        writer = await one.connect()
        connection = next(each for each in one.server.parts.connections if each.channels)
        while connection.outbox.size == 0:
            await post(writer, range(100, 110), note=LONG)
        await until(lambda: connection not in one.server.parts.connections, "the unreading peer was not let go")
        assert one.server.metrics.slow_consumers._value.get() == 1
        unreading.close()


async def test_s4_a_client_that_requests_much_and_reads_it_is_no_slow_consumer() -> None:
    async with running(limits=limits(queue_bytes=400_000)) as one:
        client = await one.connect()
        await post(client, range(100, 120), note=LONG)
        requested = [await client.send("history", channel="account:a") for _ in range(30)]
        answers = [await client.read() for _ in requested]
        assert [answer["correlation_id"] for answer in answers] == requested
        assert all(len(answer["data"]["events"]) == 20 for answer in answers)


async def test_s4_a_client_that_resumes_many_channels_and_reads_is_no_slow_consumer() -> None:
    async with running(limits=limits(queue_bytes=400_000)) as one:
        writer, client = await one.connect(), await one.connect()
        accounts = [f"a{number}" for number in range(60)]
        for account in accounts:
            await post(writer, range(100, 105), account=account, note=LONG)
        epoch = (await client.request("subscribe", channel="global"))["data"]["epoch"]
        for account in accounts:
            await client.send("subscribe", channel=f"account:{account}", since={"epoch": epoch, "offset": 0})
        received = await events(client, 5 * len(accounts))
        for account in accounts:
            assert offsets([event for event in received if event["room"] == f"account:{account}"]) == [1, 2, 3, 4, 5]


async def test_s4_channels_per_connection() -> None:
    async with running(limits=limits(channels=2)) as one:
        client = await one.connect()
        for channel in ("account:a", "account:b", "account:a"):
            assert (await client.request("subscribe", channel=channel))["type"] == "response"
        refused = await client.request("subscribe", channel="account:c")
        assert (refused["error_code"], refused["data"]) == ("LIMIT_EXCEEDED", {"limit": 2})
        await client.request("unsubscribe", channel="account:a")
        assert (await client.request("subscribe", channel="account:c"))["type"] == "response"


async def test_s2_capacity_closes_1013_and_a_freed_slot_is_taken_again() -> None:
    async with running(limits=limits(connections=1)) as one:
        first = await one.connect()
        assert await (await one.connect(welcome=False)).close_code() == 1013
        await first.socket.close()
        await one.quiet()
        await one.connect()


async def test_s2_a_client_that_closed_finds_its_place_free_at_once() -> None:
    async with running(limits=limits(connections=1)) as one:
        for sent_away in [False, True] * 20:
            client = await one.connect()
            if sent_away:
                await client.socket.send_bytes(b"binary")
                assert await client.close_code() == 1003
            else:
                await client.socket.close()


async def test_s2_a_peer_that_closes_and_reads_nothing_gives_its_place_back_at_once() -> None:
    async with running() as one:
        unreading = await asyncio.to_thread(unreading_peer, one.server.port)
        writer = await one.connect()
        connection = next(each for each in one.server.parts.connections if each.channels)
        while connection.outbox.size == 0:
            await post(writer, range(100, 110), note=LONG)
        unreading.sendall(b"\x88\x80" + bytes(4))
        await until(
            lambda: not connection.placed,
            "its place was kept for what it does not read",
            within=CLOSE_TIMEOUT / 2,
        )
        unreading.close()


async def test_s2_an_unauthenticated_socket_counts_and_is_closed_in_time() -> None:
    async with running(**SECURED, limits=limits(connections=1)) as one:
        silent = await one.connect(welcome=False)
        assert await (await one.connect(welcome=False)).close_code() == 1013
        assert (await silent.read())["error_code"] == "AUTH_REQUIRED"
        assert await silent.close_code() == 1008
        await one.quiet()
        await one.connect(token=token("ledger:read"))


async def test_s2_connections_per_user() -> None:
    async with running(**SECURED, limits=limits(connections_per_user=1)) as one:
        first = await one.connect(token=token("ledger:read"))
        second = await one.connect(welcome=False)
        assert (await second.request("auth", token=token("ledger:read")))["error_code"] == "LIMIT_EXCEEDED"
        assert await second.close_code() == 1013
        await one.connect(token=token("ledger:read", user_id="bob"))
        await first.socket.close()
        await until(lambda: len(one.server.parts.connections) == 1, "the slot was not freed")
        await one.connect(token=token("ledger:read"))


async def test_s2_aborted_connections_leave_nothing_behind() -> None:
    async with running() as one:
        tasks = len(asyncio.all_tasks())
        writer = await one.connect()
        await post(writer, range(100, 400))
        epoch = one.server.parts.engine.log.epoch
        for _ in range(20):
            client = await one.connect()
            await client.request("enter", account="a")
            await client.request("subscribe", channel="waves:a")
            await client.send("subscribe", channel="account:a", since={"epoch": epoch, "offset": 0})
            await client.send("post", account="a", amount=1)
            assert client.socket._response.connection is not None
            assert client.socket._response.connection.transport is not None
            client.socket._response.connection.transport.abort()
        await writer.socket.close()
        await one.quiet()
        hub, server = one.server.parts.hub, one.server
        assert not any((hub._connections, hub._receivers, hub._members, hub._joined))
        assert (server.parts.counts.total, dict(server.parts.counts._users)) == (0, {})
        await until(lambda: len(asyncio.all_tasks()) <= tasks, "tasks are left")
        gc.collect()
        assert not [each for each in gc.get_objects() if isinstance(each, Connection)], "connections are kept"
