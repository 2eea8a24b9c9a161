"""What is still owed where a server ends a connection (protocol 1 and 2), and what it gives back at once (2.5)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from bodhisattva.servers.core.config import Timeouts, Tokens
from bodhisattva.servers.core.log.memory import MemoryLog
from bodhisattva.servers.tests.running import QUICK, SECRET, SECURED, Client, Running, limits, running, token, until

End = Callable[[Running, Client], Awaitable[None]]
LONG = Timeouts(drain=60)


class HeldLog(MemoryLog):
    """Writes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.released = asyncio.Event()

    def append(self, entry: Any) -> "asyncio.Future[None]":
        return asyncio.ensure_future(self._later(entry))

    async def _later(self, entry: Any) -> None:
        await self.released.wait()
        await super().append(entry)


@asynccontextmanager
async def held(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> AsyncIterator[tuple[Running, HeldLog]]:
    log = HeldLog()
    monkeypatch.setattr("bodhisattva.servers.core.composition.make_log", lambda *_: log)
    async with running(**{"timeouts": LONG} | settings) as one:
        try:
            yield one, log
        finally:
            log.released.set()


async def expire(one: Running, _: Client) -> None:
    for connection in one.server.parts.connections:
        assert connection.session.identity is not None
        connection.session.identity = msgspec.structs.replace(connection.session.identity, expires_at=1.0)


async def revoke(one: Running, _: Client) -> None:
    (connection,) = one.server.parts.connections
    assert connection.identity is not None
    file = Path(str(one.config.tokens.revoked_file))
    await asyncio.to_thread(file.write_text, str(connection.identity.token_id))


async def send_binary(_: Running, client: Client) -> None:
    await client.socket.send_bytes(b"binary")


async def send_too_much(_: Running, client: Client) -> None:
    await client.socket.send_str("x" * 3000)


async def flood(one: Running, client: Client) -> None:
    one.configure(limits=limits(messages_per_second=1, rate_patience=0.2))
    while not any(connection.closing for connection in one.server.parts.connections):
        await client.socket.send_str("x")
        await asyncio.sleep(0.02)


async def come_to_many(one: Running, _: Client) -> None:
    one.server.parts.connections.close_newest("user", "ada")


async def lose_the_log(one: Running, client: Client) -> None:
    await client.request("subscribe", channel="waves:a")
    one.server.parts._log_lost("The log has a new epoch")


@pytest.mark.parametrize(
    ("end", "code", "last"),
    [
        (expire, 1008, "TOKEN_EXPIRED"),
        (revoke, 1008, "AUTH_FAILED"),
        (send_binary, 1003, None),
        (send_too_much, 1009, None),
        (flood, 1008, None),
        (come_to_many, 1013, None),
        (lose_the_log, 1011, None),
    ],
)
async def test_s1_requests_in_flight_are_answered_before_the_server_closes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, end: End, code: int, last: str | None
) -> None:
    revoked = tmp_path / "revoked"
    revoked.touch()
    settings = SECURED | {"tokens": Tokens(secret=SECRET, revoked_file=str(revoked), expiry_warning=0)}
    async with held(monkeypatch, limits=limits(message_bytes=2000), **settings) as (one, log):
        client = await one.connect(token=token("ledger:write"))
        requested = await client.send("post", account="a", amount=1)
        await until(lambda: one.server.parts.engine.lag, "the command did not arrive")
        await end(one, client)
        (connection,) = one.server.parts.connections
        await until(lambda: connection.closing, "it does not end")
        await client.send("post", account="a", amount=2)
        assert not one.server.parts.hub._receivers, "events are still sent to it"
        log.released.set()
        received = [message for message in await everything(client) if message["error_code"] != "RATE_LIMIT_EXCEEDED"]
        answers = [message["correlation_id"] for message in received if message["type"] == "response"]
        assert answers[-1] == requested
        assert received[-1]["error_code"] == last
        assert client.socket.close_code == code
        await until(lambda: not one.server.parts.engine.lag, "something is still written")
        state: Any = one.server.parts.engine.state
        assert state.amounts == [1], "what came after the end was executed"


async def everything(client: Client) -> list[dict[str, Any]]:
    """All that comes up to the close frame."""
    received: list[dict[str, Any]] = []
    async with asyncio.timeout(5):
        while (message := await client.socket.receive()).type is aiohttp.WSMsgType.TEXT:
            received.append(msgspec.json.decode(message.data))
    return received


async def test_s2_a_connection_whose_answer_never_comes_is_closed_within_the_time_of_a_drain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timeouts = msgspec.structs.replace(QUICK, drain=0.5)
    async with held(monkeypatch, timeouts=timeouts, **SECURED) as (one, _):
        client = await one.connect(token=token("ledger:write"))
        await client.send("post", account="a", amount=1)
        await until(lambda: one.server.parts.engine.lag, "the command did not arrive")
        await expire(one, client)
        last = [message["error_code"] or message["event"] for message in await everything(client)]
        assert last == ["auth.expiring", "TOKEN_EXPIRED"]
        assert client.socket.close_code == 1008


async def test_s7_a_drain_does_not_wait_for_a_draining_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async with held(monkeypatch, **SECURED) as (one, _):
        client = await one.connect(token=token("ledger:write"))
        await client.send("post", account="a", amount=1)
        await until(lambda: one.server.parts.engine.lag, "the command did not arrive")
        await expire(one, client)
        (connection,) = one.server.parts.connections
        await until(lambda: connection.closing, "it does not end")
        one.configure(timeouts=QUICK)
        draining = asyncio.ensure_future(one.server.drain())
        assert await client.close_code() == 1001
        await draining


async def test_s2_5_a_connection_that_is_being_closed_gives_back_what_it_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Though it never does its part of the closing handshake, or still has an answer to come."""
    caps = limits(connections=2, connections_per_user=1, connections_per_address=2)
    async with held(monkeypatch, limits=caps, **SECURED) as (one, _):
        watcher = await one.connect(token=token("ledger:read", user_id="bob"))
        await watcher.request("subscribe", channel="waves:a")
        for requests in (False, True):
            client = await one.connect(token=token("ledger:write"), autoclose=False)
            await client.request("enter", account="a")
            await watcher.read()
            if requests:
                await client.send("post", account="a", amount=1)
                await until(lambda: one.server.parts.engine.lag, "the command did not arrive")
            await client.socket.send_bytes(b"binary")
            assert (await asyncio.wait_for(watcher.read(), 1))["event"] == "left"
            members = (await watcher.request("presence", channel="waves:a"))["data"]["members"]
            assert [member["user_id"] for member in members] == ["bob"]
            assert len(one.server.parts.frame_reader.open) == (3 if requests else 2)
        await one.connect(token=token("ledger:read"))
    assert one.server.parts.counts.total == 0
    assert one.server.parts.counts.users == 0


async def test_s4_a_connection_with_unread_output_keeps_its_place_until_it_is_closed() -> None:
    """Or else the limit of connections would not bound what waits in all."""
    async with running(limits=limits(connections=1)) as one:
        await one.connect()
        (connection,) = one.server.parts.connections
        monkey = connection._websocket.transport
        connection.outbox._transport = _Behind(monkey)  # type: ignore[assignment]
        connection.drain(1003, "")
        await asyncio.sleep(0)
        assert connection.placed
        await one.quiet()
        assert not connection.placed


class _Behind:
    """A transport that reports bytes in its buffer."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def get_write_buffer_size(self) -> int:
        return 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def test_s5_a_subscription_that_comes_through_after_the_end_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it had to wait for a store that all replicas share."""
    looking = asyncio.Event()

    async def look(_: str | None = None) -> None:
        await looking.wait()

    async with running(timeouts=LONG) as one:
        monkeypatch.setattr(one.server.parts.engine, "read_barrier", look)
        client = await one.connect()
        (connection,) = one.server.parts.connections
        requested = await client.send("subscribe", channel="account:a")
        await until(lambda: connection._in_flight, "the request did not arrive")
        await client.socket.send_bytes(b"binary")
        await until(lambda: connection.closing, "it does not end")
        looking.set()
        assert [message["correlation_id"] for message in await everything(client)] == [requested]
        assert not one.server.parts.hub._receivers


async def test_s7_a_drain_takes_nothing_new_at_its_end_and_so_can_answer_what_it_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or else a client that always has a request on its way is closed without the answers to the last of them."""
    timeouts = msgspec.structs.replace(QUICK, drain=4)
    async with held(monkeypatch, timeouts=timeouts) as (one, log):
        client = await one.connect()
        requested = await client.send("post", account="a", amount=1)
        await until(lambda: one.server.parts.engine.lag, "the command did not arrive")
        (connection,) = one.server.parts.connections
        draining = asyncio.ensure_future(one.server.drain())
        await until(lambda: connection.closing or draining.done(), "it does not end")
        await client.send("post", account="a", amount=2)
        log.released.set()
        answers = [message["correlation_id"] for message in await everything(client) if message["type"] == "response"]
        assert answers == [requested]
        assert client.socket.close_code == 1001
        await draining
        state: Any = one.server.parts.engine.state
        assert state.amounts == [1]
