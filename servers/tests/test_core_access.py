"""Who may connect, and for how long (protocol 2)."""

import asyncio

import aiohttp
import pytest
import structlog

from bodhisattva.servers.core.connections.origin import Refusals
from bodhisattva.servers.tests.running import (
    SECURED,
    Running,
    events,
    post,
    running,
    token,
)


async def test_s2_a_refresh_ends_what_is_not_allowed_any_more() -> None:
    async with running(**SECURED) as one:
        reader = await one.connect(token=token("ledger:read"))
        writer = await one.connect(token=token("ledger:write", user_id="bob"))
        await reader.request("subscribe", channel="global")
        await reader.request("subscribe", channel="account:a")
        assert (await reader.request("refresh_token", token=token("account:read")))["type"] == "response"
        revoked = await reader.read()
        assert (revoked["event"], revoked["data"]) == ("subscription.revoked", {"channel": "global"})
        await post(writer, range(1, 3))
        assert [event["room"] for event in await events(reader, 2)] == ["account:a"] * 2
        assert (await reader.request("presence", channel="account:a"))["data"]["members"] != []
        assert one.server.parts.hub.present("global") == []


async def test_s1_2_what_was_forbidden_was_not_decided_and_is_once_it_is_allowed() -> None:
    async with running(**SECURED) as one:
        client = await one.connect(token=token("ledger:read"))
        command = {"type": "request", "event": "post", "id": "mine", "data": {"account": "a", "amount": 10}}
        for permission, code in (("read", "FORBIDDEN"), ("write", None), ("read", "FORBIDDEN"), ("write", None)):
            await client.request("refresh_token", token=token(f"ledger:{permission}"))
            await client.socket.send_json(command)
            assert (await client.read())["error_code"] == code
        assert len((await client.request("history", channel="account:a"))["data"]["events"]) == 1


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
        assert (await client.request("subscribe", channel="global"))["type"] == "response"
        stranger = await one.connect(welcome=False, params={"token": token("admin")})
        assert (await stranger.request("balance", account="a"))["error_code"] == "AUTH_REQUIRED"


async def test_s2_1_origins() -> None:
    async with running(origins=("https://ui.example",)) as one:
        await one.connect()
        await one.connect(headers={"Origin": "https://ui.example"})
        for origin in ("https://evil.example", "https://ui.example.evil", "null"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await one.connect(headers={"Origin": origin})
            assert refused.value.status == 403


@pytest.mark.parametrize(
    ("headers", "secured", "status"),
    [
        ([("Host", "h:8"), ("Origin", "http://h:8")], True, 101),
        ([("Host", "H:8"), ("Origin", "http://h:8")], True, 101),
        ([("Host", "h:8"), ("Origin", "HTTP://H:8")], True, 101),
        ([("Host", "h"), ("Origin", "http://h")], True, 101),
        ([("Host", "h:80"), ("Origin", "http://h")], True, 101),
        ([("Host", "h"), ("Origin", "https://h")], True, 101),  # through a proxy that ends TLS
        ([("Host", "h"), ("Origin", "https://h:443")], True, 101),
        ([("Host", "[::1]:8"), ("Origin", "http://[::1]:8")], True, 101),
        ([("Host", "h:8"), ("Origin", "http://h")], True, 403),
        ([("Host", "h:8"), ("Origin", "http://h:9")], True, 403),
        ([("Host", "h:443"), ("Origin", "http://h")], True, 403),
        ([("Host", "h:8"), ("Origin", "http://g:8")], True, 403),
        ([("Host", "h:8"), ("Origin", "http://h:8.evil.example")], True, 403),
        ([("Host", "h:8"), ("Origin", "http://evil@h:8")], True, 403),
        ([("Host", "h:8"), ("Origin", "http://h:8/")], True, 403),
        ([("Host", "h:8"), ("Origin", "ws://h:8")], True, 403),
        ([("Host", "h:8"), ("Origin", "file://h:8")], True, 403),
        ([("Host", "h:8"), ("Origin", "null")], True, 403),
        ([("Host", "null"), ("Origin", "null")], True, 403),
        ([("Host", "h:8"), ("Origin", "http://h:x")], True, 403),
        ([("Host", "h:8"), ("Origin", "http://[h")], True, 403),
        ([("Host", "h:8"), ("Origin", "http://h:8"), ("Origin", "http://h:8")], True, 403),
        ([("Host", "h:8"), ("Origin", "http://h:8 http://evil.example")], True, 403),
        ([("Origin", "http://")], True, 400),
        ([("Host", ""), ("Origin", "http://")], True, 403),
        # Where nobody authenticates, a page's name may have been made to resolve to us.
        ([("Host", "h:8"), ("Origin", "http://h:8")], False, 403),
        ([("Host", "localhost:8"), ("Origin", "http://localhost:8")], False, 101),
        ([("Host", "127.0.0.1:8"), ("Origin", "http://127.0.0.1:8")], False, 101),
        ([("Host", "[::1]:8"), ("Origin", "http://[::1]:8")], False, 101),
    ],
)
async def test_s2_1_the_own_origin(headers: list[tuple[str, str]], secured: bool, status: int) -> None:
    async with running(**(SECURED if secured else {})) as one:
        assert (await upgrade_status(one, headers)) == status


async def upgrade_status(one: Running, headers: list[tuple[str, str]]) -> int:
    """The answer to exactly these headers besides those of an upgrade."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(one.http.rsplit(":", 1)[1]))
    standard = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("Sec-WebSocket-Version", "13"),
    ]
    lines = [f"{name}: {value}" for name, value in (*standard, *headers)]
    writer.write("\r\n".join(["GET /ws HTTP/1.1", *lines, "", ""]).encode())
    status = int((await reader.readline()).split()[1])
    writer.transport.abort()
    return status


def test_s2_1_refused_origins_are_logged_once_and_bounded() -> None:
    clock = [0.0]
    with structlog.testing.capture_logs() as lines:
        refusals = Refusals("ledger", lambda: clock[0])
        for _ in range(50):
            refusals.log("http://a", "127.0.0.1")
        assert [line["origin"] for line in lines] == ["http://a"]
        for number in range(100):
            refusals.log(f"http://{number}", "127.0.0.1")
        assert len(lines) == 10
        clock[0] = 60.0
        refusals.log("http://a", "127.0.0.1")
    assert (len(lines), sum(line["unlogged_before"] for line in lines)) == (11, 49 + 91)
    assert "own" in lines[0]["reason"]


async def test_s2_1_the_server_header_shows_no_versions() -> None:
    async with running() as one:
        for path in ("/health", "/nowhere", "/ws"):
            async with one._session.get(one.http + path) as answer:
                assert answer.headers["Server"] == "bodhisattva"


async def test_s2_1_another_version_is_answered_with_ours() -> None:
    async with running() as one:
        headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "12"}
        async with one._session.get(one.http + "/ws", headers=headers) as answer:
            assert (answer.status, answer.headers["Sec-WebSocket-Version"]) == (426, "13")
