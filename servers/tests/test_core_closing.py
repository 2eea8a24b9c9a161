"""Frames and the closing handshake (RFC 6455, 5 and 7; protocol 1): the peer learns why the connection ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest

from bodhisattva.servers.core.transport import websocket
from bodhisattva.servers.tests.running import Client, Running, limits, running, until

PING = b'{"type":"ping"}'
CLOSE = 0x88


def masked(opcode: int, payload: bytes) -> bytes:
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2)
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


async def frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The server's next frame: its first byte and its payload."""
    first, length = await asyncio.wait_for(reader.readexactly(2), 5)
    if length == 126:
        length = int.from_bytes(await reader.readexactly(2))
    return first, await reader.readexactly(length)


@asynccontextmanager
async def upgraded(
    one: Running, early: bytes = b""
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare socket after the upgrade, with `early` sent in the same write; the welcome is still to be read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", one.server.port)
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n" + early
    )
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    yield reader, writer
    writer.close()


async def test_s1_a_binary_frame_closes_1003() -> None:
    async with running() as one:
        client = await one.connect()
        await client.socket.send_bytes(b"{}")
        assert await client.close_code() == 1003


async def test_rfc6455_an_unmasked_frame_ends_the_connection_1002() -> None:
    async with running() as one, upgraded(one) as (reader, writer):
        await frame(reader)
        writer.write(b"\x81\x0f" + PING)
        first, payload = await frame(reader)
        assert (first, payload[:2]) == (CLOSE, (1002).to_bytes(2))
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_rfc6455_a_frame_that_comes_with_the_upgrade_is_read() -> None:
    async with running() as one, upgraded(one, masked(1, PING)) as (reader, _):
        assert b'"session.created"' in (await frame(reader))[1]
        assert b'"pong"' in (await frame(reader))[1]


async def test_rfc6455_the_line_is_kept_until_the_peer_has_answered_the_close() -> None:
    async with running() as one, upgraded(one) as (reader, writer):
        await frame(reader)
        writer.write(masked(2, b"binary"))
        first, payload = await frame(reader)
        assert (first, payload[:2]) == (CLOSE, (1003).to_bytes(2))
        ended = asyncio.ensure_future(reader.read())
        for _ in range(3):
            writer.write(masked(1, PING) * 100)
            await asyncio.sleep(0.1)  # nothing is to happen in this time
        assert not ended.done(), "the line was cut before the peer's close frame"
        writer.write(masked(8, payload))
        assert await asyncio.wait_for(ended, 1) == b"", "nothing follows a close frame"
        await one.quiet()


async def test_rfc6455_a_peer_that_never_answers_the_close_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CLOSE_TIMEOUT", 0.2)
    async with running() as one, upgraded(one) as (reader, writer):
        await frame(reader)
        writer.write(masked(2, b"binary"))
        await until(lambda: not one.server.parts.connections, "the silent peer was kept", within=2)


async def test_rfc6455_what_is_due_is_sent_before_the_close_of_a_violation() -> None:
    async with running(limits=limits(message_bytes=1000)) as one, upgraded(one) as (reader, writer):
        await frame(reader)
        writer.write(masked(1, PING) + masked(1, b"x" * 2000))
        assert b'"pong"' in (await frame(reader))[1]
        first, payload = await frame(reader)
        assert (first, payload[:2]) == (CLOSE, (1009).to_bytes(2))


async def test_s4_a_peer_too_slow_for_what_is_due_before_a_close_gets_one_close_frame() -> None:
    async with running(limits=limits(queue_bytes=2000)) as one, upgraded(one) as (reader, writer):
        await frame(reader)
        writer.write(masked(1, PING) * 50 + masked(2, b"binary"))
        first, payload = await frame(reader)
        assert (first, payload[:2]) == (CLOSE, (4008).to_bytes(2))
        writer.write(masked(8, payload))
        assert await asyncio.wait_for(reader.read(), 5) == b"", "nothing follows a close frame"


@pytest.mark.parametrize(("size", "code"), [(1000, None), (1001, 1009), (20_000_000, 1009)])
async def test_s4_message_size(size: int, code: int | None) -> None:
    """Also of a message that is still on its way when it is refused."""
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


@pytest.mark.parametrize(("size", "code"), [(1000, None), (1001, 1009)])
async def test_s4_message_size_is_that_of_all_fragments(size: int, code: int | None) -> None:
    message = json.dumps({"type": "ping", "data": {"a": "x" * (size - 35)}}).encode()
    assert len(message) == size
    async with running(limits=limits(message_bytes=1000)) as one, upgraded(one) as (reader, writer):
        await frame(reader)
        writer.write(b"\x01" + masked(1, message[:700])[1:] + masked(0, message[700:]))
        first, payload = await frame(reader)
        if code is None:
            assert b'"pong"' in payload
        else:
            assert (first, payload[:2]) == (CLOSE, code.to_bytes(2))


def ping(size: int) -> bytes:
    """A ping as long as that."""
    return PING[:-1] + b" " * (size - len(PING)) + PING[-1:]


WHOLE = masked(1, ping(900))
CUT = [
    (b"", b""),
    (WHOLE[:1], WHOLE[1:]),
    (WHOLE[:300], WHOLE[300:]),
    (b"\x01" + masked(1, ping(900)[:300])[1:], masked(0, ping(900)[300:])),
]


@pytest.mark.parametrize(("begun", "the_rest"), CUT)
@pytest.mark.parametrize(("renewed", "size", "code"), [(3000, 3000, None), (3000, 3001, 1009), (950, 951, 1009)])
async def test_s7_a_reloaded_message_size_holds_for_connections_that_are_there(
    begun: bytes, the_rest: bytes, renewed: int, size: int, code: int | None
) -> None:
    """Also for one that is amid a message, which is read before."""
    async with (
        running(limits=limits(message_bytes=1000)) as one,
        upgraded(one, masked(1, PING) + begun) as (
            reader,
            writer,
        ),
    ):
        for _ in range(2):  # the welcome, and that all has come
            await frame(reader)
        one.config = msgspec.structs.replace(one.config, limits=limits(message_bytes=renewed))
        one.server.reload()
        writer.write(the_rest)
        if the_rest:
            assert b'"pong"' in (await frame(reader))[1]
        writer.write(masked(1, ping(size)))
        first, payload = await frame(reader)
        if code is None:
            assert b'"pong"' in payload
        else:
            assert (first, payload[:2]) == (CLOSE, code.to_bytes(2))


async def test_s4_a_peer_closed_amid_a_flood_gets_the_close_code() -> None:
    async with running(limits=limits(messages_per_second=1, rate_patience=0.2)) as one:
        client = await one.connect()
        flood = asyncio.ensure_future(_flood(client))
        assert await client.close_code() == 1008
        await flood


async def _flood(client: Client) -> None:
    """Send until the connection does not take any more."""
    try:
        while not client.socket.closed:
            await client.socket.send_str(PING.decode())
            await asyncio.sleep(0)
    except aiohttp.ClientConnectionResetError:
        return
