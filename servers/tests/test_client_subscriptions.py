"""Subscriptions: every event once and in order, or an error at the place where that failed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bodhisattva.servers.client import (
    Backoff,
    Client,
    ClientClosed,
    Event,
    GapDetected,
    Position,
    PositionLost,
    Reconnected,
    RequestFailed,
    RequestTimedOut,
    Subscription,
    SubscriptionRevoked,
)
from bodhisattva.servers.tests.scripted_server import EPOCH, Peer, Script, ScriptedServer

CHANNEL = "workflow:w"


def client(server: ScriptedServer) -> Client:
    return Client(server.url, token="t", backoff=Backoff(base=0.01, cap=0.05))


async def take(events: AsyncIterator[Event], count: int) -> list[int]:
    """The numbers of the next `count` events."""
    async with asyncio.timeout(5):
        return [(await anext(events)).data["n"] for _ in range(count)]


async def end(peer: Peer) -> None:
    """Confirm the unsubscription that leaving the context sends."""
    await peer.answer(await peer.expect("unsubscribe", channel=CHANNEL), status="unsubscribed")


async def test_events_arrive_with_their_position() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        assert "since" not in await peer.subscribed(CHANNEL, 0, recovered=True)
        await peer.numbered(CHANNEL, 1, 2)
        await end(peer)

    async with ScriptedServer(script) as server, client(server) as c, c.subscribe(CHANNEL) as events:
        assert events.position == Position(EPOCH, 0)
        event = await anext(events)
        assert (event.name, event.data, event.channel) == ("happened", {"n": 1}, CHANNEL)
        assert event.position == events.position == Position(EPOCH, 1)
        assert await take(events, 1) == [2]


async def test_a_subscription_resumes_from_a_given_position() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        data = await peer.subscribed(CHANNEL, 5, recovered=True)
        assert data["since"] == {"epoch": EPOCH, "offset": 3}
        await peer.numbered(CHANNEL, 4, 5)
        await end(peer)

    async with (
        ScriptedServer(script) as server,
        client(server) as c,
        c.subscribe(CHANNEL, since=Position(EPOCH, 3)) as events,
    ):
        assert await take(events, 2) == [4, 5]


def lost_once(read: asyncio.Event) -> Script:
    """Sends two events, and is lost when they are read."""

    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.subscribed(CHANNEL, 0, recovered=True)
        await peer.numbered(CHANNEL, 1, 2)
        await read.wait()
        peer.abort()

    return script


async def test_after_an_abort_there_is_no_gap_and_no_duplicate() -> None:
    async def resume(peer: Peer) -> None:
        await peer.greet()
        data = await peer.subscribed(CHANNEL, 4, recovered=True)
        assert data["since"] == {"epoch": EPOCH, "offset": 2}
        await peer.numbered(CHANNEL, 2, 3, 4)
        await end(peer)

    read = asyncio.Event()
    async with ScriptedServer(lost_once(read), resume) as server, client(server) as c, c.subscribe(CHANNEL) as events:
        assert await take(events, 2) == [1, 2]
        read.set()
        assert await take(events, 2) == [3, 4]
        assert events.duplicates == 1


async def test_a_subscription_without_resume_ends_after_the_events_of_its_connection() -> None:
    async def greet(peer: Peer) -> None:
        await peer.greet()

    read = asyncio.Event()
    async with (
        ScriptedServer(lost_once(read), greet) as server,
        client(server) as c,
        c.subscribe(CHANNEL, resume=False) as events,
    ):
        assert await take(events, 2) == [1, 2]
        read.set()
        with pytest.raises(Reconnected):
            await take(events, 1)
        assert c.connections == 2


async def test_a_channel_without_events_is_resumed_from_its_first_position() -> None:
    async def lose(peer: Peer) -> None:
        await peer.greet()
        await peer.subscribed(CHANNEL, 7, recovered=True)
        peer.abort()

    async def resume(peer: Peer) -> None:
        await peer.greet()
        data = await peer.subscribed(CHANNEL, 8, recovered=True)
        assert data["since"] == {"epoch": EPOCH, "offset": 7}
        await peer.numbered(CHANNEL, 8)
        await end(peer)

    async with ScriptedServer(lose, resume) as server, client(server) as c, c.subscribe(CHANNEL) as events:
        assert await take(events, 1) == [8]


async def test_a_lost_position_is_raised_once_and_the_iteration_goes_on() -> None:
    async def lose(peer: Peer) -> None:
        await peer.greet()
        await peer.subscribed(CHANNEL, 0, recovered=True)
        await peer.numbered(CHANNEL, 1)
        await read.wait()
        peer.abort()

    async def another_log(peer: Peer) -> None:
        await peer.greet()
        await peer.subscribed(CHANNEL, 5, epoch="e2", recovered=False)
        await peer.numbered(CHANNEL, 6, epoch="e2")
        await end(peer)

    read = asyncio.Event()
    async with ScriptedServer(lose, another_log) as server, client(server) as c, c.subscribe(CHANNEL) as events:
        assert await take(events, 1) == [1]
        read.set()
        with pytest.raises(PositionLost) as lost:
            await take(events, 1)
        assert (lost.value.before, lost.value.at) == (Position(EPOCH, 1), Position("e2", 5))
        assert events.position == Position("e2", 5)
        assert await take(events, 1) == [6]


async def test_a_gap_is_raised_at_its_place_between_the_events() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.subscribed(CHANNEL, 0, recovered=True)
        await peer.numbered(CHANNEL, 1, 4)
        await end(peer)

    async with ScriptedServer(script) as server, client(server) as c, c.subscribe(CHANNEL) as events:
        assert await take(events, 1) == [1]
        with pytest.raises(GapDetected, match="left out the events between e1:1 and e1:3"):
            await take(events, 1)
        assert await take(events, 1) == [4]


async def test_a_slow_consumer_loses_no_event_and_delays_no_answer() -> None:
    left_alone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.subscribed(CHANNEL, 0, recovered=True)
        await peer.numbered(CHANNEL, *range(1, 8))
        await end(peer)
        await peer.receives_nothing(0.05)
        left_alone.set()
        await peer.answer(await peer.expect("q"))
        data = await peer.subscribed(CHANNEL, 7, recovered=True)
        assert data["since"] == {"epoch": EPOCH, "offset": 3}
        await peer.numbered(CHANNEL, *range(4, 7))
        await peer.answer(await peer.expect("r"))
        await peer.numbered(CHANNEL, 7)
        await end(peer)
        await peer.subscribed(CHANNEL, 7, recovered=True)
        await peer.numbered(CHANNEL, 7)
        await end(peer)

    async with ScriptedServer(script) as server, client(server) as c, c.subscribe(CHANNEL, capacity=3) as events:
        await asyncio.wait_for(left_alone.wait(), 5)
        await c.request("q")
        assert await take(events, 3) == [1, 2, 3]
        await server.peers[0].until("subscribe")
        await c.request("r")
        assert await take(events, 4) == [4, 5, 6, 7]
        assert events.dropped == 0


async def test_closing_the_client_keeps_the_events_of_a_slow_consumer_and_leaves_no_task() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.subscribed(CHANNEL, 0, recovered=True)
        await peer.numbered(CHANNEL, 1, 2, 3)
        await end(peer)

    before = asyncio.all_tasks()
    async with ScriptedServer(script) as server, client(server) as c:
        events = await c.subscribe(CHANNEL, capacity=2).__aenter__()
        await server.peers[0].until("unsubscribe")
    assert asyncio.all_tasks() == before
    with pytest.raises(ClientClosed):
        await take(events, 3)
    assert events.position == Position(EPOCH, 2)


async def test_a_slow_consumer_of_an_ephemeral_channel_keeps_the_newest_events() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.answer(await peer.expect("subscribe", channel="cursor:d"), status="subscribed")
        for n in range(5):
            await peer.event("cursor.moved", {"n": n}, "cursor:d")
        await peer.answer(await peer.expect("q"))
        await peer.answer(await peer.expect("unsubscribe"))

    async with ScriptedServer(script) as server, client(server) as c, c.subscribe("cursor:d", capacity=2) as events:
        await c.request("q")
        assert await take(events, 2) == [3, 4]
        assert (events.dropped, events.position) == (3, None)


async def test_a_refused_subscription_is_raised_on_entering() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.error(await peer.expect("subscribe"), "FORBIDDEN")
        await peer.subscribed(CHANNEL, 0, recovered=True)
        await end(peer)

    async with ScriptedServer(script) as server, client(server) as c:
        with pytest.raises(RequestFailed, match="FORBIDDEN"):
            async with c.subscribe(CHANNEL):
                pass
        async with c.subscribe(CHANNEL):
            pass


async def test_a_subscription_that_is_unavailable_is_retried() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.error(await peer.expect("subscribe"), "UNAVAILABLE", retry_after=0.01)
        await peer.subscribed(CHANNEL, 0, recovered=True)
        await end(peer)

    async with ScriptedServer(script) as server, client(server) as c, c.subscribe(CHANNEL):
        pass
    ids = [message["id"] for message in server.peers[0].received if message["event"] == "subscribe"]
    assert len(set(ids)) == 2, "an answered id would get the first answer again"


async def test_an_unanswered_subscription_is_raised_on_entering() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("subscribe")

    async with ScriptedServer(script) as server, client(server) as c:
        with pytest.raises(RequestTimedOut, match=r"not subscribed to workflow:w within 0\.1 s"):
            async with c.subscribe(CHANNEL, timeout=0.1):
                pass


async def test_a_refusal_after_a_reconnect_ends_the_iteration_after_the_earlier_events() -> None:
    async def lose(peer: Peer) -> None:
        await peer.greet()
        await peer.subscribed(CHANNEL, 0, recovered=True)
        await peer.numbered(CHANNEL, 1)
        await peer.close(1012)

    async def refuse(peer: Peer) -> None:
        await peer.greet()
        await peer.error(await peer.expect("subscribe"), "FORBIDDEN")

    async with ScriptedServer(lose, refuse) as server, client(server) as c, c.subscribe(CHANNEL) as events:
        assert await take(events, 1) == [1]
        with pytest.raises(RequestFailed, match="FORBIDDEN"):
            await take(events, 1)


@pytest.mark.parametrize("room", [None, CHANNEL])
async def test_a_revoked_subscription_ends_with_its_own_error(room: str | None) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.subscribed(CHANNEL, 0, recovered=True)
        await peer.event("subscription.revoked", {"channel": CHANNEL}, room)

    async with ScriptedServer(script) as server, client(server) as c, c.subscribe(CHANNEL) as events:
        with pytest.raises(SubscriptionRevoked, match=CHANNEL):
            await take(events, 1)


async def test_a_channel_can_be_subscribed_once_at_a_time() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.subscribed(CHANNEL, 0, recovered=True)
        await end(peer)
        await peer.subscribed(CHANNEL, 0, recovered=True)
        await end(peer)

    async with ScriptedServer(script) as server, client(server) as c:
        async with c.subscribe(CHANNEL):
            with pytest.raises(ValueError, match="already subscribed"):
                await c.subscribe(CHANNEL).__aenter__()
        async with c.subscribe(CHANNEL):
            pass


async def test_channels_are_kept_apart() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.subscribed("a", 0, recovered=True)
        await peer.subscribed("b", 0, recovered=True)
        await peer.numbered("b", 1)
        await peer.numbered("a", 1, 2)
        await peer.numbered("b", 2)
        await peer.answer(await peer.expect("unsubscribe", channel="b"))
        await peer.answer(await peer.expect("unsubscribe", channel="a"))

    async with ScriptedServer(script) as server, client(server) as c, c.subscribe("a") as a, c.subscribe("b") as b:
        assert await take(a, 2) == [1, 2]
        assert await take(b, 2) == [1, 2]


async def iterate(events: Subscription) -> None:
    async for _ in events:
        pass


async def test_leaving_the_context_ends_an_iteration_in_another_task() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.subscribed(CHANNEL, 0, recovered=True)
        await end(peer)

    async with ScriptedServer(script) as server, client(server) as c:
        async with c.subscribe(CHANNEL) as events:
            elsewhere = asyncio.create_task(iterate(events))
        await asyncio.wait_for(elsewhere, 5)


async def test_closing_the_client_does_not_look_like_the_end_of_the_events() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.subscribed(CHANNEL, 0, recovered=True)

    before = asyncio.all_tasks()
    async with ScriptedServer(script) as server:
        async with client(server) as c:
            events = await c.subscribe(CHANNEL).__aenter__()
        with pytest.raises(ClientClosed):
            await take(events, 1)
    assert asyncio.all_tasks() == before
