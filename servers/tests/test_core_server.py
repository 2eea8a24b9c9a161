"""The server over its socket: what takes an event loop and a peer to show."""

import asyncio
import gc
import json
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import msgspec
import pytest

from bodhisattva.servers.core.config import Limits, Timeouts, Tokens
from bodhisattva.servers.core.connection import Connection
from bodhisattva.servers.core.log.base import LogError
from bodhisattva.servers.tests.running import (
    QUICK,
    SECRET,
    Client,
    Running,
    deaf_peer,
    running,
    token,
    until,
)

FAST = 1e6
SECURED: dict[str, Any] = {"auth": "required", "tokens": Tokens(secret=SECRET)}


def limits(**settings: Any) -> Limits:
    return Limits(**{"messages_per_second": FAST} | settings)


async def post(client: Client, amounts: range, account: str = "a") -> None:
    for amount in amounts:
        answer = await client.ask("post", account=account, amount=amount)
        assert answer["type"] == "response", answer


async def events(client: Client, number: int) -> list[dict[str, Any]]:
    """The next events of a channel, passing over answers."""
    found: list[dict[str, Any]] = []
    while len(found) < number:
        message = await client.read()
        found += [message] if message["type"] == "event" else []
    return found


def offsets(heard: list[dict[str, Any]]) -> list[int]:
    return [event["offset"] for event in heard]


# --- 5: resume


@pytest.mark.parametrize("since", [0, 150, 299])
async def test_s5_since_delivers_what_followed_while_live_events_flow(since: int) -> None:
    async with running() as one:
        writer = await one.connect()
        await post(writer, range(100, 400))
        writing = asyncio.ensure_future(post(writer, range(400, 700)))
        reader = await one.connect()
        epoch = one.server._engine.log.epoch
        answer = await reader.ask("subscribe", channel="account:a", since={"epoch": epoch, "offset": since})
        assert (answer["data"]["recovered"], answer["data"]["offset"]) == (True, since)
        heard = await events(reader, 600 - since)
        await writing
        assert offsets(heard) == list(range(since + 1, 601))


async def test_s5_resubscribing_amid_the_stream_leaves_neither_gap_nor_duplicate() -> None:
    async with running() as one:
        writer, reader = await one.connect(), await one.connect()
        writing = asyncio.ensure_future(post(writer, range(100, 600)))
        seen = 0
        for _ in range(10):
            epoch = one.server._engine.log.epoch
            await reader.say("unsubscribe", channel="account:a")
            await reader.ask("subscribe", channel="account:a", since={"epoch": epoch, "offset": seen})
            heard = offsets(await events(reader, 20))
            assert heard == list(range(seen + 1, seen + 21))
            await reader.ask("unsubscribe", channel="account:a")
            seen = heard[-1]
        await writing


async def test_s5_unsubscribing_right_after_a_resume_ends_it() -> None:
    async with running() as one:
        writer, reader = await one.connect(), await one.connect()
        await post(writer, range(100, 1000))
        epoch = one.server._engine.log.epoch
        await reader.say("subscribe", channel="account:a", since={"epoch": epoch, "offset": 0})
        assert (await reader.ask("unsubscribe", channel="account:a"))["type"] == "response"
        await post(writer, range(1, 3))
        fence = await reader.say("balance", account="a")
        rest = []
        while (message := await reader.read())["correlation_id"] != fence:
            rest.append(message)
        assert rest == [], "events came after the answer to unsubscribe"


@pytest.mark.parametrize(("epoch", "offset"), [("another", 0), (None, 99)])
async def test_s5_a_position_that_the_log_does_not_know_is_not_recovered(epoch: str | None, offset: int) -> None:
    async with running() as one:
        client = await one.connect()
        await post(client, range(1, 4))
        since = {"epoch": epoch or one.server._engine.log.epoch, "offset": offset}
        answer = await client.ask("subscribe", channel="account:a", since=since)
        assert (answer["data"]["recovered"], answer["data"]["offset"]) == (False, 3)


@pytest.mark.parametrize(
    ("request_name", "data", "code"),
    [
        ("subscribe", {}, "INVALID_CHANNEL"),
        ("subscribe", {"channel": 5}, "INVALID_CHANNEL"),
        ("subscribe", {"channel": "nonsense"}, "INVALID_CHANNEL"),
        ("subscribe", {"channel": "global", "since": 5}, "INVALID_DATA"),
        ("subscribe", {"channel": "global", "since": {"epoch": "e", "offset": -1}}, "INVALID_DATA"),
        ("subscribe", {"channel": "global", "since": {"epoch": "e", "offset": 10**30}}, "INVALID_DATA"),
        ("unsubscribe", {"channel": "nonsense"}, "INVALID_CHANNEL"),
        ("history", {}, "INVALID_CHANNEL"),
        ("history", {"channel": "waves:a"}, "INVALID_CHANNEL"),
        ("history", {"channel": "global", "after": 10**30}, "INVALID_DATA"),
        ("history", {"channel": "global", "limit": 0}, "INVALID_DATA"),
        ("presence", {}, "INVALID_CHANNEL"),
        ("nonsense", {}, "UNKNOWN_REQUEST"),
        ("post", {"account": "a"}, "INVALID_DATA"),
        ("break_down", {"words": "hunter2"}, "INTERNAL_ERROR"),
    ],
)
async def test_s3_refusals(request_name: str, data: dict[str, Any], code: str) -> None:
    async with running() as one:
        client = await one.connect()
        answer = await client.ask(request_name, **data)
        assert (answer["type"], answer["error_code"], answer["event"]) == ("error", code, request_name)
        assert "hunter2" not in json.dumps(answer)
        assert (await client.ask("ping"))["type"] == "pong"


async def test_s5_history_is_paged_and_ends() -> None:
    async with running() as one:
        client = await one.connect()
        await post(client, range(100, 110))
        page = (await client.ask("history", channel="account:a", after=3, limit=4))["data"]
        assert ([event["offset"] for event in page["events"]], page["offset"]) == ([4, 5, 6, 7], 10)
        assert (await client.ask("history", channel="account:a", after=10))["data"]["events"] == []


async def test_s3_a_log_that_cannot_be_read_is_unavailable_and_ends_a_resume_1011(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(*_: object) -> None:
        raise LogError("io error")

    async with running() as one:
        client = await one.connect()
        await post(client, range(1, 4))
        monkeypatch.setattr(one.server._engine.log, "read", broken)
        assert (await client.ask("history", channel="global"))["error_code"] == "UNAVAILABLE"
        epoch = one.server._engine.log.epoch
        await client.ask("subscribe", channel="global", since={"epoch": epoch, "offset": 0})
        assert await client.close_code() == 1011


async def test_s1_a_request_that_breaks_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("hunter2")

    async with running() as one:
        client = await one.connect()
        monkeypatch.setattr(one.server._engine.log, "read", broken)
        monkeypatch.setattr(one.server._hub, "present", lambda _: 1 // 0)
        for request in ("history", "presence"):
            answer = await client.ask(request, channel="global")
            assert (answer["error_code"], "hunter2" in str(answer)) == ("INTERNAL_ERROR", False)


# --- 4: limits


async def test_s4_a_slow_consumer_is_closed_4008_and_delays_nobody() -> None:
    async with running(limits=limits(queue_bytes=200_000)) as one:
        deaf = await asyncio.to_thread(deaf_peer, one.server._port)
        witness, writer = await one.connect(), await one.connect()
        await witness.ask("subscribe", channel="account:a")
        sent = 0
        while one.server.metrics.slow_consumers._value.get() == 0:
            await post(writer, range(100, 200))
            sent += 100
            assert sent < 100_000, "the deaf peer was never closed"
        assert offsets(await events(witness, sent)) == list(range(1, sent + 1))
        await until(lambda: len(one.server._connections) == 2, "the deaf peer was not let go")
        deaf.close()


async def test_s4_what_waits_too_long_closes_4008() -> None:
    async with running(limits=limits(queue_age=0.3)) as one:
        deaf = await asyncio.to_thread(deaf_peer, one.server._port)
        writer = await one.connect()
        connection = next(each for each in one.server._connections if each.channels)
        while connection._outbox.size == 0:
            await post(writer, range(100, 300))
        await until(lambda: connection not in one.server._connections, "the deaf peer was not let go")
        assert one.server.metrics.slow_consumers._value.get() == 1
        deaf.close()


async def test_s5_a_resume_larger_than_the_queue_reaches_a_peer_that_reads() -> None:
    async with running(limits=limits(queue_bytes=20_000)) as one:
        writer = await one.connect()
        await post(writer, range(1000, 2000))
        reader = await one.connect()
        epoch = one.server._engine.log.epoch
        await reader.ask("subscribe", channel="account:a", since={"epoch": epoch, "offset": 0})
        assert offsets(await events(reader, 1000)) == list(range(1, 1001))


@pytest.mark.parametrize(("size", "code"), [(1000, None), (1001, 1009)])
async def test_s4_message_size(size: int, code: int | None) -> None:
    async with running(limits=limits(message_bytes=1000)) as one:
        client = await one.connect()
        frame = json.dumps({"type": "ping", "data": {"a": ""}})
        padded = json.dumps({"type": "ping", "data": {"a": "x" * (size - len(frame))}})
        assert len(padded) == size
        await client.socket.send_str(padded)
        if code is None:
            assert (await client.read())["type"] == "pong"
        else:
            assert await client.close_code() == code


async def test_s1_a_binary_frame_closes_1003() -> None:
    async with running() as one:
        client = await one.connect()
        await client.socket.send_bytes(b"{}")
        assert await client.close_code() == 1003


async def test_s4_channels_per_connection() -> None:
    async with running(limits=limits(channels=2)) as one:
        client = await one.connect()
        for channel in ("account:a", "account:b", "account:a"):
            assert (await client.ask("subscribe", channel=channel))["type"] == "response"
        refused = await client.ask("subscribe", channel="account:c")
        assert (refused["error_code"], refused["data"]) == ("LIMIT_EXCEEDED", {"limit": 2})
        await client.ask("unsubscribe", channel="account:a")
        assert (await client.ask("subscribe", channel="account:c"))["type"] == "response"


async def test_s2_capacity_closes_1013_and_a_freed_slot_is_taken_again() -> None:
    async with running(limits=limits(connections=1)) as one:
        first = await one.connect()
        assert await (await one.connect(welcome=False)).close_code() == 1013
        await first.socket.close()
        await one.quiet()
        await one.connect()


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
        assert (await second.ask("auth", token=token("ledger:read")))["error_code"] == "LIMIT_EXCEEDED"
        assert await second.close_code() == 1013
        await one.connect(token=token("ledger:read", user_id="bob"))
        await first.socket.close()
        await until(lambda: len(one.server._connections) == 1, "the slot was not freed")
        await one.connect(token=token("ledger:read"))


async def test_s2_aborted_connections_leave_nothing_behind() -> None:
    async with running() as one:
        tasks = len(asyncio.all_tasks())
        writer = await one.connect()
        await post(writer, range(100, 400))
        epoch = one.server._engine.log.epoch
        for _ in range(20):
            client = await one.connect()
            await client.ask("enter", account="a")
            await client.ask("subscribe", channel="waves:a")
            await client.say("subscribe", channel="account:a", since={"epoch": epoch, "offset": 0})
            await client.say("post", account="a", amount=1)
            assert client.socket._response.connection is not None
            assert client.socket._response.connection.transport is not None
            client.socket._response.connection.transport.abort()
        await writer.socket.close()
        await one.quiet()
        hub, server = one.server._hub, one.server
        assert not any((hub._connections, hub._receivers, hub._members, hub._joined))
        assert (server._counts.total, dict(server._counts._users)) == (0, {})
        await until(lambda: len(asyncio.all_tasks()) <= tasks, "tasks are left")
        gc.collect()
        assert not [each for each in gc.get_objects() if isinstance(each, Connection)], "connections are kept"


# --- 2: tokens on live connections


async def test_s2_a_refresh_ends_what_is_not_allowed_any_more() -> None:
    async with running(**SECURED) as one:
        reader = await one.connect(token=token("ledger:read"))
        writer = await one.connect(token=token("ledger:write", user_id="bob"))
        await reader.ask("subscribe", channel="global")
        await reader.ask("subscribe", channel="account:a")
        assert (await reader.ask("refresh_token", token=token("account:read")))["type"] == "response"
        revoked = await reader.read()
        assert (revoked["event"], revoked["data"]) == ("subscription.revoked", {"channel": "global"})
        await post(writer, range(1, 3))
        assert [event["room"] for event in await events(reader, 2)] == ["account:a"] * 2
        assert (await reader.ask("presence", channel="account:a"))["data"]["members"] != []
        assert one.server._hub.present("global") == []


async def test_s2_a_token_ends_a_live_connection() -> None:
    async with running(**SECURED) as one:
        client = await one.connect(token=token("ledger:read", lifetime=2))
        assert (await client.read())["event"] == "auth.expiring"
        assert (await client.read())["error_code"] == "TOKEN_EXPIRED"
        assert await client.close_code() == 1008


@pytest.mark.parametrize(
    ("header", "status"),
    [("Bearer x", 401), ("Basic YTpi", 401), ("Bearer ", 401), (f"Bearer {token('ledger:read', lifetime=-5)}", 401)],
)
async def test_s2_3_a_bad_header_is_refused_before_the_upgrade(header: str, status: int) -> None:
    async with running(**SECURED) as one:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await one.connect(headers={"Authorization": header})
        assert refused.value.status == status


async def test_s2_3_a_good_header_is_welcomed_and_a_token_in_the_url_is_not_read() -> None:
    async with running(**SECURED) as one:
        client = await one.connect(headers={"Authorization": f"Bearer {token('ledger:read')}"})
        assert (await client.ask("subscribe", channel="global"))["type"] == "response"
        stranger = await one.connect(welcome=False, params={"token": token("admin")})
        assert (await stranger.ask("balance", account="a"))["error_code"] == "AUTH_REQUIRED"


async def test_s2_1_origins() -> None:
    async with running(origins=("https://ui.example",)) as one:
        await one.connect()
        await one.connect(headers={"Origin": "https://ui.example"})
        for origin in ("https://evil.example", "https://ui.example.evil", "null"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await one.connect(headers={"Origin": origin})
            assert refused.value.status == 403


async def test_s2_1_another_version_is_told_ours() -> None:
    async with running() as one:
        headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "12"}
        async with one._session.get(one.http + "/ws", headers=headers) as answer:
            assert (answer.status, answer.headers["Sec-WebSocket-Version"]) == (426, "13")


# --- 3, 8: presence


async def test_s8_a_member_s_end_is_told_to_those_who_remain() -> None:
    async with running() as one:
        member, witness = await one.connect(), await one.connect()
        await witness.ask("subscribe", channel="waves:a")
        await member.ask("enter", account="a")
        present = (await witness.ask("presence", channel="waves:a"))["data"]["members"]
        assert {"name": "anonymous"}.items() <= present[0].items()
        assert len(present) == 2
        await member.socket.close()
        assert (await events(witness, 1))[0]["event"] == "left"


# --- 6, 7: HTTP, reload, drain


async def test_s6_http() -> None:
    async with running() as one:
        await post(await one.connect(), range(1, 3))
        assert (await one.get("/health"))[0] == 200
        assert (await one.get("/ready"))[0] == 200
        status, document = await one.get("/.well-known/bodhisattva.json")
        assert (status, document["service"], document["protocol"]) == (200, "ledger", "1.0")
        status, metrics = await one.get("/metrics")
        assert status == 200
        assert 'websocket_connections_current{server="ledger-server",service="ledger"} 1.0' in metrics
        assert 'websocket_messages_received_total{message_type="request",' in metrics


async def test_s6_ready_is_503_without_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as one:
        monkeypatch.setattr(one.server._engine, "available", False)
        assert (await one.get("/ready"))[0] == 503
        assert (await one.get("/health"))[0] == 200


async def test_s7_a_reload_takes_limits_to_connections_that_are_there() -> None:
    async with running() as one:
        client = await one.connect()
        one.config = msgspec.structs.replace(one.config, limits=limits(channels=1))
        one.server.reload()
        assert (await client.ask("subscribe", channel="account:a"))["type"] == "response"
        assert (await client.ask("subscribe", channel="account:b"))["error_code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    "broken",
    [
        {"tokens": Tokens(secret="short"), "auth": "required"},
        {"auth": "required"},
        {"auth": "required", "tokens": Tokens(secret_file="nowhere")},
        {"auth": "required", "tokens": Tokens(secret=SECRET)},
    ],
)
async def test_s7_a_broken_reload_changes_nothing(broken: dict[str, Any]) -> None:
    async with running() as one:
        client = await one.connect()
        one.config = msgspec.structs.replace(one.config, limits=limits(channels=1), **broken)
        one.server.reload()
        for channel in ("account:a", "account:b"):
            assert (await client.ask("subscribe", channel=channel))["type"] == "response"
        await one.connect()


async def test_s7_a_drain_answers_what_is_in_flight_and_closes_1001(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as one:
        client, other = await one.connect(), await one.connect()
        log = one.server._engine.log
        append, held = log.append, asyncio.Event()

        def slowly(entry: Any) -> "asyncio.Future[None]":
            async def later() -> None:
                await held.wait()
                await append(entry)

            return asyncio.ensure_future(later())

        monkeypatch.setattr(log, "append", slowly)
        request_id = await client.say("post", account="a", amount=1)
        await until(lambda: one.server._engine._pending, "the command did not arrive")
        draining = asyncio.ensure_future(one.server.drain())
        notice = await client.read()
        assert notice["event"] == "server.draining"
        assert 0 <= notice["data"]["reconnect_after"] <= QUICK.reconnect_spread
        assert (await one.get("/ready"))[0] == 503
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await one.connect()
        assert refused.value.status == 503
        assert await other.close_code() == 1001
        assert not draining.done(), "a request is in flight"
        held.set()
        answer = await client.read()
        assert (answer["type"], answer["correlation_id"]) == ("response", request_id)
        assert await client.close_code() == 1001
        await draining


async def test_s7_a_drain_ends_within_its_time_with_hundreds_of_peers_some_of_them_silent() -> None:
    async with running(timeouts=Timeouts(drain=2, drain_grace=0.1)) as one, AsyncExitStack() as stack:
        polite = [await one.connect() for _ in range(200)]
        reading = [asyncio.ensure_future(client.close_code()) for client in polite]
        for _ in range(50):
            stack.callback((await asyncio.to_thread(deaf_peer, one.server._port)).close)
        started = asyncio.get_running_loop().time()
        await one.server.drain()
        await one.server.stop()
        assert asyncio.get_running_loop().time() - started < 2.0
        assert set(await asyncio.gather(*reading)) == {1001}
        await one.quiet()


async def test_s7_a_drain_does_not_tell_strangers_more_than_to_go() -> None:
    async with running(**SECURED) as one:
        stranger = await one.connect(welcome=False)
        draining = asyncio.ensure_future(one.server.drain())
        assert await stranger.close_code() == 1001
        await draining


async def test_background_work_that_fails_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from bodhisattva.servers.core import work

    monkeypatch.setattr(work, "_PAUSE", 0.001)
    begun: list[int] = []

    async def fails() -> None:
        begun.append(1)
        raise RuntimeError("once more")

    kept = work.Work("ledger")
    kept.start("fails", fails)
    await until(lambda: len(begun) >= 3, "it was not begun again")
    await kept.stop()


async def test_one_broken_connection_does_not_stop_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(**SECURED) as one:
        broken, silent = await one.connect(token=token("ledger:read")), await one.connect(welcome=False)
        connection = next(each for each in one.server._connections if each.user_id)
        monkeypatch.setattr(connection.session, "tick", lambda _: 1 // 0)
        assert (await silent.read())["error_code"] == "AUTH_REQUIRED"
        assert await broken.close_code() == 1011


async def test_rfc6455_an_unmasked_frame_ends_the_connection_1002() -> None:
    async with running() as one:
        reader, writer = await _upgraded(one)
        writer.write(b'\x81\x0f{"type":"ping"}')
        received = await asyncio.wait_for(reader.read(), 5)
        assert received.endswith(b"frame without mask") or b"\x03\xea" in received
        assert b"pong" not in received
        writer.close()


async def test_rfc6455_a_frame_that_comes_with_the_upgrade_is_read() -> None:
    async with running() as one:
        frame = b"\x81\x8f\x00\x00\x00\x00" + b'{"type":"ping"}'
        reader, writer = await _upgraded(one, frame)
        assert b'"pong"' in await asyncio.wait_for(reader.readuntil(b'"pong"'), 5)
        writer.close()


async def _upgraded(one: Running, early: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", one.server._port)
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n" + early
    )
    await asyncio.wait_for(reader.readuntil(b"session.created"), 5)
    return reader, writer
