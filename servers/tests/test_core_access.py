"""Who may connect, and for how long (contract 2)."""

import aiohttp
import pytest

from bodhisattva.servers.tests.running import (
    SECURED,
    events,
    post,
    running,
    token,
)


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


async def test_s1_2_what_was_forbidden_was_not_decided_and_is_once_it_is_allowed() -> None:
    async with running(**SECURED) as one:
        client = await one.connect(token=token("ledger:read"))
        command = {"type": "request", "event": "post", "id": "mine", "data": {"account": "a", "amount": 10}}
        for permission, code in (("read", "FORBIDDEN"), ("write", None), ("read", "FORBIDDEN"), ("write", None)):
            await client.ask("refresh_token", token=token(f"ledger:{permission}"))
            await client.socket.send_json(command)
            assert (await client.read())["error_code"] == code
        assert len((await client.ask("history", channel="account:a"))["data"]["events"]) == 1


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
