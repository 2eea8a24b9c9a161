"""Connecting, authenticating, reconnecting, closing: what a client does about its connection."""

import asyncio
import itertools
import ssl
from collections.abc import Callable

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from bodhisattva.servers.client import (
    AuthenticationFailed,
    Backoff,
    CertificateRefused,
    Client,
    ClientClosed,
    State,
    Unreachable,
)
from bodhisattva.servers.tests.scripted_server import Peer, ScriptedServer

PATIENCE = 5.0


def quick() -> Backoff:
    return Backoff(base=0.01, cap=0.05)


def numbered_tokens() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"token-{next(numbers)}"


async def only_greet(peer: Peer) -> None:
    await peer.greet()


async def answer_one(peer: Peer) -> None:
    await peer.greet()
    await peer.answer(await peer.expect("q"))


async def test_the_first_message_is_auth_and_the_welcome_is_kept() -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(await peer.expect("auth", token="secret"), status="authenticated")
        await peer.welcome()

    async with ScriptedServer(script) as server, Client(server.url, token="secret") as client:
        assert client.welcome["server"] == "scripted"
        assert client.state is State.CONNECTED
    assert [message["event"] for message in server.peers[0].received] == ["auth"]


async def test_without_a_token_the_welcome_is_enough() -> None:
    async with ScriptedServer(Peer.welcome) as server, Client(server.url) as client:
        assert client.connections == 1
    assert server.peers[0].received == []


async def test_headers_are_sent_with_the_upgrade() -> None:
    async with (
        ScriptedServer(Peer.welcome) as server,
        Client(server.url, headers={"Authorization": "Bearer x"}),
    ):
        assert server.peers[0].headers["Authorization"] == "Bearer x"


async def test_a_refused_token_is_final() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.error(await peer.expect("auth"), "AUTH_FAILED")
        await peer.close(1008, "Authentication failed")

    states: list[State] = []
    async with ScriptedServer(refuse) as server:
        client = Client(server.url, token=numbered_tokens(), backoff=quick(), on_state=lambda s, _: states.append(s))
        with pytest.raises(AuthenticationFailed, match="AUTH_FAILED"):
            await client.__aenter__()
        with pytest.raises(AuthenticationFailed):
            await client.request("q")
    assert len(server.peers) == 1
    assert states == [State.CONNECTING, State.CLOSED]


async def test_an_upgrade_refused_with_401_is_final() -> None:
    upgrades: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        upgrades.append(request.path)
        return web.Response(status=401)

    application = web.Application()
    application.router.add_get("/ws", refuse)
    async with TestServer(application) as server:
        url = str(server.make_url("/ws").with_scheme("ws"))
        with pytest.raises(AuthenticationFailed, match="401"):
            await Client(url, headers={"Authorization": "Bearer bad"}, backoff=quick()).__aenter__()
    assert upgrades == ["/ws"]


async def test_a_missing_token_is_final() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.error(None, "AUTH_REQUIRED")
        await peer.close(1008, "Authentication required")

    async with ScriptedServer(refuse) as server:
        with pytest.raises(AuthenticationFailed, match="AUTH_REQUIRED: Authentication required"):
            await Client(server.url, backoff=quick()).__aenter__()


async def test_reconnect_authenticates_with_a_fresh_token() -> None:
    async def lose(peer: Peer) -> None:
        await peer.answer(await peer.expect("auth", token="token-1"))
        await peer.welcome()
        peer.abort()

    async def serve(peer: Peer) -> None:
        await peer.answer(await peer.expect("auth", token="token-2"))
        await peer.welcome()
        await peer.answer(await peer.expect("q"))

    async with (
        ScriptedServer(lose, serve) as server,
        Client(server.url, token=numbered_tokens(), backoff=quick()) as client,
    ):
        await client.request("q")
        assert client.connections == 2


async def expire(peer: Peer) -> None:
    await peer.greet()
    await peer.expect("q")
    await peer.error(None, "TOKEN_EXPIRED")
    await peer.close(1008, "Token expired")


async def test_the_client_reconnects_after_the_expiry_of_a_renewable_token() -> None:
    async def fresh() -> str:
        return "fresh"

    async with (
        ScriptedServer(expire, answer_one) as server,
        Client(server.url, token=fresh, backoff=quick()) as client,
    ):
        assert await client.request("q") == {}


async def test_the_expiry_of_a_fixed_token_is_final() -> None:
    async with (
        ScriptedServer(expire) as server,
        Client(server.url, token="t", backoff=quick()) as client,
    ):
        with pytest.raises(AuthenticationFailed, match="TOKEN_EXPIRED"):
            await client.request("q", timeout=PATIENCE)
        assert client.state is State.CLOSED


async def test_an_expiring_token_is_replaced_on_the_live_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.event("auth.expiring", {"expires_in": 0.1})
        await peer.answer(await peer.expect("refresh_token", token="token-2"), status="refreshed")
        await peer.answer(await peer.expect("q"))

    async with ScriptedServer(script) as server, Client(server.url, token=numbered_tokens()) as client:
        await server.peers[0].until("refresh_token")
        await client.request("q")


async def test_later_connections_use_a_refreshed_token() -> None:
    async def refresh(peer: Peer) -> None:
        await peer.greet()
        await peer.answer(await peer.expect("refresh_token", token="new"), status="refreshed")
        peer.abort()

    async def serve(peer: Peer) -> None:
        await peer.answer(await peer.expect("auth", token="new"))
        await peer.welcome()
        await peer.answer(await peer.expect("q"))

    async with (
        ScriptedServer(refresh, serve) as server,
        Client(server.url, token="old", backoff=quick()) as client,
    ):
        assert (await client.refresh_token("new"))["status"] == "refreshed"
        await client.request("q")


async def test_a_failing_token_callable_is_final_and_its_error_is_the_cause() -> None:
    def fail() -> str:
        raise KeyError("no such secret")

    async with ScriptedServer() as server:
        with pytest.raises(AuthenticationFailed) as failure:
            await Client(server.url, token=fail).__aenter__()
    assert isinstance(failure.value.__cause__, KeyError)


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011, 1012, 1013, 4008])
async def test_the_client_reconnects_after_these_close_codes(code: int) -> None:
    async def leave(peer: Peer) -> None:
        await peer.greet()
        peer.abort() if code == 1006 else await peer.close(code, "bye")

    reasons: list[tuple[State, str]] = []
    async with (
        ScriptedServer(leave, answer_one) as server,
        Client(server.url, token="t", backoff=quick(), on_state=lambda *change: reasons.append(change)) as client,
    ):
        await client.request("q", timeout=PATIENCE)
    assert [state for state, _ in reasons] == [
        State.CONNECTING, State.CONNECTED, State.RECONNECTING, State.CONNECTED, State.CLOSED
    ]  # fmt: skip
    assert str(code) in reasons[2][1]


async def test_a_server_at_capacity_is_retried() -> None:
    async def full(peer: Peer) -> None:
        await peer.close(1013, "Try again later")

    async with (
        ScriptedServer(full, full, only_greet) as server,
        Client(server.url, token="t", backoff=quick()) as client,
    ):
        assert (len(server.peers), client.connections) == (3, 1)


async def test_a_frame_that_is_no_envelope_ends_the_connection_with_1002() -> None:
    async def babble(peer: Peer) -> None:
        await peer.greet()
        await peer.text("[]")

    async with (
        ScriptedServer(babble, answer_one) as server,
        Client(server.url, token="t", backoff=quick()) as client,
    ):
        await client.request("q", timeout=PATIENCE)


async def test_the_client_waits_as_long_as_a_draining_server_requests() -> None:
    requested = asyncio.Event()
    ended: list[float] = []

    async def drain(peer: Peer) -> None:
        await peer.greet()
        in_flight = await peer.expect("in_flight")
        await peer.event("server.draining", {"reconnect_after": 0.3})
        await peer.answer(in_flight)
        await requested.wait()
        await peer.receives_nothing(0.05)
        await peer.close(1001, "going away")
        ended.append(asyncio.get_running_loop().time())

    async with (
        ScriptedServer(drain, answer_one) as server,
        Client(server.url, token="t", backoff=quick()) as client,
    ):
        await client.request("in_flight")
        held = asyncio.create_task(client.request("q"))
        await asyncio.sleep(0)
        requested.set()
        await held
    assert server.peers[1].connected_at - ended[0] >= 0.3
    assert [message["event"] for message in server.peers[0].received] == ["auth", "in_flight"]


async def test_an_unreachable_server_is_an_error_after_the_open_timeout(unused_tcp_port: int) -> None:
    client = Client(f"ws://127.0.0.1:{unused_tcp_port}/ws", open_timeout=0.2, backoff=quick())
    with pytest.raises(Unreachable, match=r"not connected within 0\.2 s: no connection to") as failure:
        await client.__aenter__()
    assert isinstance(failure.value.__cause__, Unreachable)
    with pytest.raises(ClientClosed):
        await client.request("q")


@pytest.mark.parametrize("port", [1, 99_999])
async def test_a_password_in_the_url_is_in_no_message(port: int) -> None:
    reasons: list[str] = []
    url = f"ws://user:hu@sh@127.0.0.1:{port}/ws"
    client = Client(url, open_timeout=0.2, backoff=quick(), on_state=lambda state, reason: reasons.append(reason))
    with pytest.raises(Unreachable) as failure:
        await client.__aenter__()
    assert reasons[0] == f"ws://127.0.0.1:{port}/ws"
    for text in (*reasons, str(failure.value), str(failure.value.__cause__)):
        assert "hu" not in text
        assert "sh" not in text


async def test_a_silent_server_is_an_error_after_the_connect_timeout() -> None:
    ended = asyncio.Event()

    async def silence(peer: Peer) -> None:
        await peer.expect("auth")
        await peer.closed_by_client()
        ended.set()

    async with (
        ScriptedServer(silence, only_greet) as server,
        Client(server.url, token="t", connect_timeout=0.1, backoff=quick()) as client,
    ):
        assert client.connections == 1
        await asyncio.wait_for(ended.wait(), PATIENCE)


async def test_the_heartbeat_detects_a_dead_peer() -> None:
    async def freeze(peer: Peer) -> None:
        await peer.greet()
        peer.stop_reading()
        await released.wait()
        peer.abort()

    released = asyncio.Event()
    async with (
        ScriptedServer(freeze, answer_one) as server,
        Client(server.url, token="t", heartbeat=0.1, close_timeout=0.1, backoff=quick()) as client,
    ):
        assert await client.request("q", timeout=PATIENCE) == {}
        released.set()


async def test_a_trusted_certificate_is_accepted() -> None:
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)
    async with (
        ScriptedServer(answer_one, tls=server_side) as server,
        Client(server.url, token="t", ssl=client_side) as client,
    ):
        await client.request("q")


async def test_an_untrusted_certificate_is_final() -> None:
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(server_side)
    async with ScriptedServer(tls=server_side) as server:
        with pytest.raises(CertificateRefused, match="certificate"):
            await Client(server.url, token="t", ssl=ssl.create_default_context()).__aenter__()


async def test_closing_twice_is_harmless_and_leaves_nothing_behind() -> None:
    before = asyncio.all_tasks()
    async with ScriptedServer(only_greet) as server:
        client = Client(server.url, token="t")
        async with client:
            await client.aclose()
        await client.aclose()
        assert client.state is State.CLOSED
    assert asyncio.all_tasks() == before


async def test_a_client_can_be_opened_only_once() -> None:
    async with ScriptedServer(only_greet) as server:
        client = Client(server.url, token="t")
        async with client:
            pass
        with pytest.raises(ClientClosed, match="opened once"):
            await client.__aenter__()


async def test_an_error_in_on_state_closes_the_client() -> None:
    def observe(state: State, _: str) -> None:
        if state is State.RECONNECTING:
            raise KeyError("observer")

    async def leave(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("q")
        await peer.close(1012)

    async with (
        ScriptedServer(leave) as server,
        Client(server.url, token="t", backoff=quick(), on_state=observe) as client,
    ):
        with pytest.raises(ClientClosed, match="KeyError") as failure:
            await client.request("q")
    assert isinstance(failure.value.__cause__, KeyError)


async def test_a_cancelled_opening_leaves_nothing_behind() -> None:
    before = asyncio.all_tasks()

    requested = asyncio.Event()

    async def silence(peer: Peer) -> None:
        await peer.expect("auth")
        requested.set()

    async with ScriptedServer(silence) as server:
        opening = asyncio.create_task(Client(server.url, token="t").__aenter__())
        await asyncio.wait_for(requested.wait(), PATIENCE)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    assert asyncio.all_tasks() == before
