"""What a connection costs after the upgrade, and how it is read: no task, no queue, nothing of aiohttp's HTTP."""

import asyncio
import gc
import json

import pytest
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from bodhisattva.servers.core.transport import websocket
from bodhisattva.servers.core.transport.handshake import Upgrade
from bodhisattva.servers.tests.running import running, until


async def test_nothing_of_the_upgrade_lives_on() -> None:
    async with running() as one:
        tasks = len(asyncio.all_tasks())
        clients = [await one.connect() for _ in range(5)]
        await until(lambda: len(asyncio.all_tasks()) <= tasks, "a connection keeps a task")
        gc.collect()
        kinds = (RequestHandler, BaseRequest, Upgrade)
        assert not [each for each in gc.get_objects() if isinstance(each, kinds)], "aiohttp's side of it is kept"
        assert not one.server._runner.server.connections  # type: ignore[union-attr]
        for client in clients:
            assert (await client.request("ping"))["type"] == "pong"


async def test_a_stopped_server_has_no_socket_left() -> None:
    async with running() as one:
        for _ in range(3):
            await one.connect()
        await one.server.stop()
        assert not one.server.parts.frame_reader.open
        await one.quiet()


async def test_a_rejected_connection_is_aborted_with_the_server() -> None:
    async with running() as one:
        one.server.parts.counts.total = one.server.config.limits.connections
        client = await one.connect(welcome=False, autoclose=False)
        await until(lambda: len(one.server.parts.frame_reader.open) == 1, "nobody is turned away")
        await one.server.stop()
        assert not one.server.parts.frame_reader.open
        assert await client.close_code() == 1013


def masked_ping(name: str) -> bytes:
    """A request in a frame whose mask changes nothing."""
    payload = json.dumps({"type": "ping", "id": name}).encode()
    return bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload


async def test_a_large_batch_is_read_in_chunks_with_others_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "_TIME_SLICE", 0.0)
    names = [f"{number:04}" for number in range(4000)]
    async with running() as one:
        client = await one.connect()
        busy = next(iter(one.server.parts.connections))._websocket
        other = await one.connect()
        busy.take(b"".join(map(masked_ping, names)))
        assert not busy.transport.is_reading(), "more is read while there is something to be taken in"
        await other.request("ping")
        assert not busy.transport.is_reading(), "the other one waits until all is taken in"
        assert [(await client.read())["correlation_id"] for _ in names] == names
        await client.request("ping")
        assert busy.transport.is_reading()


async def test_what_is_still_to_be_taken_in_ends_with_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_TIME_SLICE", 0.0)
    async with running() as one:
        await one.connect()
        (connection,) = one.server.parts.connections
        connection._websocket.take(masked_ping("a") * 1000)
        connection.abort()
        await one.quiet()


def frame(first: int, payload: bytes = b"", *, masked: bool = True) -> bytes:
    """A short frame whose mask changes nothing."""
    return bytes([first, (0x80 if masked else 0) | len(payload)]) + (bytes(4) if masked else b"") + payload


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (frame(0x81, b"x", masked=False), 1002),
        (frame(0xC9), 1002),
        (frame(0x01, b"a") + frame(0x81, b"b"), 1002),
        (frame(0x83), 1002),
        (frame(0x80), 1002),
        (frame(0xC1, b"\xff"), 1002),
        (frame(0x01, b"\xff"), 1007),
        (frame(0x81, b"\xff"), 1007),
        (frame(0x82, b"x"), 1003),
        (bytes([0x81, 0xFF]) + bytes([0, 1]) + bytes(6), 1009),
        (frame(0x01, b"") + frame(0x00, b"") * 1024, 1008),
        (frame(0x88, b"\x03"), 1002),
        (frame(0x88, b"\x03\xe8\xff"), 1007),
        *((frame(0x88, code.to_bytes(2)), 1002) for code in (0, 999, 1004, 1005, 1015, 1016, 2999, 5000, 65535)),
        *((frame(0x88, code.to_bytes(2)), code) for code in (1000, 1001, 1003, 1012, 1014, 3000, 4999)),
        (frame(0x88, b"\x03\xe8") + frame(0x81, b"x", masked=False), 1000),
        (frame(0x88) + masked_ping("later") + b"\xff" * 50, 1000),
    ],
)
async def test_s1_what_came_before_the_end_is_answered(bad: bytes, code: int, size: int) -> None:
    """Also in one segment with it, and cut anywhere. size: bytes of a piece."""
    async with running() as one:
        client = await one.connect(autoclose=False)
        (connection,) = one.server.parts.connections
        sent = masked_ping("before") + bad
        for place in range(0, len(sent), size):
            connection._websocket.feed(sent[place : place + size])
        assert (await client.read())["correlation_id"] == "before"
        assert await client.close_code() == code


@pytest.mark.parametrize(
    ("begun", "bad"),
    [
        (frame(0x01, "é".encode()[:1]), frame(0x00, b"x")),
        (frame(0x01, b"ok") + frame(0x89), frame(0x00, b"\xf4\x90")),
        (frame(0x01, "é€\U0001f600".encode()[:-1]), frame(0x00, b"\xff")),
        (bytes([0x81, 0xFE, 0x10, 0x00]) + bytes(4) + b"fine", b"\xed\xa0"),
    ],
)
async def test_rfc6455_s8_1_a_bad_byte_ends_the_connection_when_it_comes(begun: bytes, bad: bytes) -> None:
    async with running() as one:
        client = await one.connect(autoclose=False)
        (connection,) = one.server.parts.connections
        for byte in begun:
            connection._websocket.feed(bytes([byte]))
        is_early = connection.closing
        connection._websocket.feed(bad)
        assert (is_early, connection.closing) == (False, True)
        assert await client.close_code() == 1007
