"""Requests: each gets its own answer, over as many connections as it takes, or a truthful error."""

import asyncio

import pytest

from bodhisattva.fixtures.tests.proxy import answering, lead_to
from bodhisattva.servers.client import (
    Backoff,
    Client,
    ClientClosed,
    ConnectionLost,
    Position,
    RequestFailed,
    RequestTimedOut,
    Unreachable,
)
from bodhisattva.servers.tests.scripted_server import EPOCH, Peer, ScriptedServer


def client(server: ScriptedServer) -> Client:
    return Client(server.url, token="t", backoff=Backoff(base=0.01, cap=0.05))


async def only_greet(peer: Peer) -> None:
    await peer.greet()


async def test_answers_are_correlated_in_any_order() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        first, second = await peer.expect("one"), await peer.expect("two")
        await peer.answer(second, value=2)
        await peer.answer(first, value=1)

    async with ScriptedServer(script) as server, client(server) as c:
        answers = tuple(await asyncio.gather(c.request("one"), c.request("two")))
    assert answers == ({"value": 1}, {"value": 2})


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.answer(await peer.expect("one"), value=1)

    with answering({}) as proxy:
        lead_to(proxy, monkeypatch)
        async with ScriptedServer(script) as server, client(server) as c:
            assert await c.request("one") == {"value": 1}
        assert proxy.seen == []


async def test_a_pong_is_the_answer_to_a_ping() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        ping = await peer.expect("ping")
        await peer.text(f'{{"type":"pong","id":"x","correlation_id":"{ping["id"]}"}}')

    async with ScriptedServer(script) as server, client(server) as c:
        assert await c.request("ping") == {}


async def test_an_error_is_raised_with_its_code_message_and_data() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.error(await peer.expect("set_state"), "CONFLICT", expected=4)

    async with ScriptedServer(script) as server, client(server) as c:
        with pytest.raises(RequestFailed, match="CONFLICT: because") as failure:
            await c.request("set_state", {"expected_version": 3})
    assert (failure.value.code, failure.value.data) == ("CONFLICT", {"expected": 4})


UNREAD = '{"type":"error","id":"x","error_code":"DECODE_ERROR","error_message":"Nested.","data":{"limit":64}}'


async def test_a_decode_error_fails_the_only_request_in_flight() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("set_state")
        await peer.text(UNREAD)

    async with ScriptedServer(script) as server, client(server) as c:
        with pytest.raises(RequestFailed, match=r"DECODE_ERROR: Nested\.") as failure:
            await c.request("set_state")
    assert failure.value.data == {"limit": 64}


async def test_a_decode_error_fails_no_request_if_several_may_be_in_flight() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        given_up = await peer.expect("one")
        second, third = await peer.expect("two"), await peer.expect("three")
        await peer.text(UNREAD)
        await peer.answer(third)
        await peer.text(UNREAD)
        await peer.answer(second)
        await peer.answer(given_up)
        await peer.expect("four")
        await peer.text(UNREAD)

    async with ScriptedServer(script) as server, client(server) as c:
        with pytest.raises(RequestTimedOut):
            await c.request("one", timeout=0.05)
        assert list(await asyncio.gather(c.request("two"), c.request("three"))) == [{}, {}]
        with pytest.raises(RequestFailed, match="DECODE_ERROR"):
            await c.request("four")


async def test_a_request_is_sent_again_over_the_next_connection_with_the_same_id() -> None:
    async def lose(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("start_workflow", workflow_id="w")
        peer.abort()

    async def serve(peer: Peer) -> None:
        await peer.greet()
        await peer.answer(await peer.expect("start_workflow", workflow_id="w"), done=True)

    async with ScriptedServer(lose, serve) as server, client(server) as c:
        assert await c.request("start_workflow", {"workflow_id": "w"}) == {"done": True}
        assert c.connections == 2
    assert server.peers[0].received[-1]["id"] == server.peers[1].received[-1]["id"]


async def test_a_given_id_is_sent() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        request = await peer.expect("q")
        await peer.answer(request, id=request["id"])

    async with ScriptedServer(script) as server, client(server) as c:
        assert await c.request("q", id="mine") == {"id": "mine"}


async def test_without_retry_a_lost_connection_is_raised() -> None:
    async def lose(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("q")
        await peer.close(1011, "broken")

    async with ScriptedServer(lose, only_greet) as server, client(server) as c:
        with pytest.raises(ConnectionLost, match="1011 broken"):
            await c.request("q", retry=False)


async def test_a_message_that_the_server_cannot_process_is_not_sent_again() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("huge")
        await peer.close(1009, "too big")

    async with ScriptedServer(refuse, only_greet) as server, client(server) as c:
        with pytest.raises(ConnectionLost, match="1009"):
            await c.request("huge")


async def test_a_missing_answer_is_indeterminate_and_a_late_one_is_ignored() -> None:
    requested = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.greet()
        slow = await peer.expect("slow")
        await requested.wait()
        quick = await peer.expect("quick")
        await peer.answer(slow, which="slow")
        await peer.answer(quick, which="quick")

    async with ScriptedServer(script) as server, client(server) as c:
        with pytest.raises(RequestTimedOut, match=r"slow: no answer within 0\.1 s"):
            await c.request("slow", timeout=0.1)
        requested.set()
        assert await c.request("quick") == {"which": "quick"}


async def test_a_request_that_is_too_large_fails_no_other() -> None:
    """All of a connection's requests end with it; only the one that caused it would do so again."""

    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("small")
        await peer.expect("large")
        await peer.expect("small")
        await peer.close(1009, "too big")

    async def again(peer: Peer) -> None:
        await peer.greet()
        for _ in range(2):
            await peer.answer(await peer.expect("small"), ok=True)

    async with ScriptedServer(script, again) as server, client(server) as c:
        large = c.request("large", {"x": "x" * 1000})
        ends = await asyncio.gather(c.request("small"), large, c.request("small"), return_exceptions=True)
    assert ends[0] == ends[2] == {"ok": True}
    assert isinstance(ends[1], ConnectionLost)
    assert not ends[1].retriable


async def test_an_answer_that_is_too_large_fails_only_a_single_request() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.answer(await peer.expect("q"), x="x" * 10_000)

    async with ScriptedServer(script) as server, Client(server.url, token="t", max_message_bytes=5000) as c:
        with pytest.raises(ConnectionLost, match="1009"):
            await c.request("q")


async def test_without_a_connection_nothing_is_sent() -> None:
    gone = asyncio.Event()

    async def leave(peer: Peer) -> None:
        await peer.greet()
        await peer.event("server.draining", {"reconnect_after": 30})
        await peer.close(1001)
        gone.set()

    async with ScriptedServer(leave) as server, client(server) as c:
        await gone.wait()
        with pytest.raises(Unreachable, match="nothing was sent"):
            await c.request("q", timeout=0.1)


async def test_a_second_answer_to_a_request_is_ignored() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        first = await peer.expect("q")
        await peer.answer(first, value=1)
        await peer.answer(first, value=2)
        await peer.answer(await peer.expect("r"), value=3)

    async with ScriptedServer(script) as server, client(server) as c:
        assert await c.request("q") == {"value": 1}
        assert await c.request("r") == {"value": 3}
        assert c.connections == 1


async def test_a_rate_limited_request_is_sent_again_after_retry_after() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        first = await peer.expect("q")
        await peer.error(first, "RATE_LIMIT_EXCEEDED", retry_after=0.05)
        await peer.receives_nothing(0.04)
        second = await peer.expect("q")
        assert second["id"] == first["id"]
        await peer.answer(second, ok=True)

    async with ScriptedServer(script) as server, client(server) as c:
        assert await c.request("q") == {"ok": True}


async def test_without_retry_a_rate_limit_is_raised() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.error(await peer.expect("q"), "RATE_LIMIT_EXCEEDED", retry_after=0.05)

    async with ScriptedServer(script) as server, client(server) as c:
        with pytest.raises(RequestFailed, match="RATE_LIMIT_EXCEEDED"):
            await c.request("q", retry=False)


async def test_an_id_in_flight_cannot_be_used_again() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.answer(await peer.expect("q"))

    async with ScriptedServer(script) as server, client(server) as c:
        results = await asyncio.gather(c.request("q", id="same"), c.request("q", id="same"), return_exceptions=True)
    assert results[0] == {}
    assert isinstance(results[1], ValueError)


async def test_history_and_head_are_read() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        event = {"id": "i", "event": "happened", "data": {"n": 2}, "timestamp": "t", "offset": 2}
        request = await peer.expect("history", channel="c", after=1, limit=5)
        await peer.answer(request, events=[event], epoch=EPOCH, offset=2)
        await peer.answer(await peer.expect("history", channel="c"), events=[event], epoch=EPOCH, offset=2)

    async with ScriptedServer(script) as server, client(server) as c:
        (event,) = await c.history("c", after=1, limit=5)
        assert (event.name, event.data, event.channel) == ("happened", {"n": 2}, "c")
        assert event.position == Position(EPOCH, 2)
        assert await c.head("c") == Position(EPOCH, 2)


async def test_the_members_of_a_channel_are_read() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.answer(await peer.expect("presence", channel="c"), members=[{"user_id": "u"}])

    async with ScriptedServer(script) as server, client(server) as c:
        assert await c.presence("c") == [{"user_id": "u"}]


async def test_closing_ends_requests_in_flight() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("q")

    async with ScriptedServer(script) as server, client(server) as c:
        waiting = asyncio.create_task(c.request("q"))
        await asyncio.sleep(0)
        await c.aclose()
        with pytest.raises(ClientClosed):
            await waiting
        with pytest.raises(ClientClosed):
            await c.request("q")


async def test_the_error_of_an_unopened_client_explains_how_to_open_it() -> None:
    with pytest.raises(ClientClosed, match="async with"):
        await Client("ws://127.0.0.1:1/ws").request("q")
