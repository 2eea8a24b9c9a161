"""Messages that no server should send: a client ends with an error of its own kind, or goes by a safe default."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bodhisattva.servers.client import (
    Backoff,
    Client,
    ConnectionLost,
    MalformedAnswer,
    Redirected,
    Unreachable,
    retry_after,
)
from bodhisattva.servers.tests.scripted_server import Peer, ScriptedServer

NO_NUMBERS = ["soon", "5", "", -1, -1e300, float("nan"), True, False, None, [], {}, [5]]
TOO_LARGE = [1e300, float("inf"), 2**70, 10**400, 61]


def quick() -> Backoff:
    return Backoff(base=0.01, cap=0.05)


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_an_invalid_wait_is_the_default(value: Any) -> None:
    assert retry_after.seconds(value, 0.25) == 0.25


@pytest.mark.parametrize("value", TOO_LARGE)
def test_a_wait_is_capped(value: Any) -> None:
    assert retry_after.seconds(value) == retry_after.LONGEST


@pytest.mark.parametrize("value", [0, 1, 0.5, 60])
def test_a_valid_wait_is_kept(value: float) -> None:
    assert retry_after.seconds(value, 9.0) == value


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        *((text, 0.0) for text in (None, "", "soon", "-5", "1.5", "5;", "NaN", "\u0665", "Thu, 99 Foo", "0", "0x5")),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("61", 60.0),
        ("9" * 5000, 60.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60.0),
    ],
)
def test_a_retry_after_header_is_seconds_or_a_date_or_nothing(header: str | None, wait: float) -> None:
    assert retry_after.from_header(header) == wait


def test_a_retry_after_date_is_the_time_until_then() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 28 < retry_after.from_header(soon) <= 30


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed_and_no_other_host_is_given_the_token(status: int) -> None:
    requested: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        requested.append("elsewhere")
        return web.Response()

    other = web.Application()
    other.router.add_get("/ws", elsewhere)
    async with TestServer(other) as target:

        async def redirect(request: web.Request) -> web.Response:
            requested.append("here")
            location = str(target.make_url("/ws?token=x").with_user("ada").with_password("hidden"))
            return web.Response(status=status, headers={"Location": location})

        app = web.Application()
        app.router.add_get("/ws", redirect)
        async with TestServer(app) as server:
            client = Client(str(server.make_url("/ws")), token="secret", headers={"X-Token": "secret"}, backoff=quick())
            with pytest.raises(Redirected, match=f"answered the upgrade with {status}, a redirect to") as caught:
                await client.__aenter__()
            with pytest.raises(Redirected):
                await client.request("q")
    assert requested == ["here"]
    assert "hidden" not in str(caught.value)
    assert "token" not in str(caught.value)


@pytest.mark.parametrize("location", [None, "", "ftp://x/", "//", "http://[", "x" * 5000])
async def test_an_invalid_redirect_is_the_same_error_or_one_to_retry(location: str | None) -> None:
    async def redirect(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={} if location is None else {"Location": location})

    app = web.Application()
    app.router.add_get("/ws", redirect)
    async with TestServer(app) as server:
        client = Client(str(server.make_url("/ws")), backoff=quick(), open_timeout=0.2)
        with pytest.raises((Redirected, Unreachable), match="302") as caught:
            await client.__aenter__()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(("status", "header", "waits"), [(503, "1", True), (429, "1", True), (500, "1", False)])
async def test_the_client_waits_as_long_as_a_busy_server_requests(status: int, header: str, *, waits: bool) -> None:
    attempts: list[float] = []

    async def refuse(_: web.Request) -> web.Response:
        attempts.append(asyncio.get_running_loop().time())
        return web.Response(status=status, headers={"Retry-After": header})

    app = web.Application()
    app.router.add_get("/ws", refuse)
    async with TestServer(app) as server:
        client = Client(str(server.make_url("/ws")), backoff=quick(), open_timeout=1.5)
        with pytest.raises(Unreachable, match=f"{status}"):
            await client.__aenter__()
    assert (min(b - a for a, b in itertools.pairwise(attempts)) >= 1.0) is waits


@pytest.mark.parametrize("value", ["soon", -1, True, None, [], {"a": 1}])
async def test_a_rate_limit_without_a_number_is_retried(value: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.error(await peer.expect("q"), "RATE_LIMIT_EXCEEDED", retry_after=value)
        await peer.answer(await peer.expect("q"), done=True)

    async with ScriptedServer(script) as server, Client(server.url) as client:
        assert await client.request("q") == {"done": True}


@pytest.mark.parametrize("value", ["soon", -1, True, None])
async def test_a_subscription_that_is_limited_without_a_number_is_retried(value: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.error(await peer.expect("subscribe"), "RATE_LIMIT_EXCEEDED", retry_after=value)
        await peer.subscribed("a", 0)
        await peer.answer(await peer.expect("unsubscribe"))

    async with ScriptedServer(script) as server, Client(server.url) as client, client.subscribe("a"):
        pass


@pytest.mark.parametrize("value", ["soon", -1, True, None, [1]])
async def test_the_client_reconnects_to_a_server_that_drains_without_a_number(value: Any) -> None:
    async def drain(peer: Peer) -> None:
        await peer.welcome()
        await peer.event("auth.expiring", {"expires_in": value})
        await peer.event("server.draining", {"reconnect_after": value})
        await peer.close(1001)

    async with ScriptedServer(drain, Peer.welcome) as server, Client(server.url, backoff=quick()) as client:
        async with asyncio.timeout(5):
            while client.connections < 2:  # noqa: ASYNC110 - it has no event of its own
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "place", [{"offset": "1"}, {"offset": -1}, {"offset": True}, {"offset": 2**63}, {"offset": 1.5}, {"epoch": 5}]
)
async def test_an_invalid_position_ends_the_subscription_with_an_error_of_the_client(place: dict[str, Any]) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        answer = {"status": "subscribed", "channel": "a", "epoch": "e", "offset": 1} | place
        await peer.answer(await peer.expect("subscribe"), **answer)
        await peer.answer(await peer.expect("q"), fine=True)

    async with ScriptedServer(script) as server, Client(server.url) as client:
        with pytest.raises(MalformedAnswer, match="answer to subscribe"):
            await client.subscribe("a").__aenter__()
        assert await client.request("q") == {"fine": True}


@pytest.mark.parametrize(
    "answer", [{}, {"events": 5}, {"events": [5]}, {"events": [{"offset": "x"}]}, {"events": [], "epoch": "e"}]
)
async def test_a_malformed_history_and_presence_are_errors_of_the_client(answer: dict[str, Any]) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        for name in ("history", "presence"):
            await peer.answer(await peer.expect(name), **answer)

    async with ScriptedServer(script) as server, Client(server.url) as client:
        with pytest.raises(MalformedAnswer, match="answer to history"):
            await client.head("a")
        with pytest.raises(MalformedAnswer, match="answer to presence"):
            await client.presence("a")


async def test_a_malformed_page_of_history_is_an_error_of_the_client() -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.answer(await peer.expect("history"), events=[{"offset": "x"}], epoch="e", offset=1)

    async with ScriptedServer(script) as server, Client(server.url) as client:
        with pytest.raises(MalformedAnswer):
            await client.history("a")


@pytest.mark.parametrize(
    "frame",
    [
        "[" * 100_000,
        '{"type": "event", "data": ' + "[" * 100_000,
        '{"type": "event", "offset": -1}',
        '{"type": "event", "offset": 1e999}',
        '{"type": "event", "epoch": 5}',
        '{"type": "event", "data": []}',
        "NaN",
        "",
    ],
)
async def test_a_frame_that_is_no_envelope_ends_the_connection(frame: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.expect("q")
        await peer.text(frame)

    async with ScriptedServer(script, Peer.welcome) as server, Client(server.url, backoff=quick()) as client:
        with pytest.raises(ConnectionLost, match="no envelope"):
            await client.request("q", retry=False)


async def test_a_revocation_that_names_no_channel_ends_nothing() -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.event("subscription.revoked", {"channel": ["a"]})
        await peer.answer(await peer.expect("q"), fine=True)

    async with ScriptedServer(script) as server, Client(server.url) as client:
        assert await client.request("q") == {"fine": True}
