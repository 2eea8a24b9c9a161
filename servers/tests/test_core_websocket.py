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
            assert (await client.ask("ping"))["type"] == "pong"


async def test_a_stopped_server_has_no_socket_left() -> None:
    async with running() as one:
        for _ in range(3):
            await one.connect()
        await one.server.stop()
        assert not one.server._intake.open
        await one.quiet()


async def test_whoever_is_turned_away_is_cut_off_with_the_server() -> None:
    async with running() as one:
        one.server._counts.total = one.server.config.limits.connections
        client = await one.connect(welcome=False, autoclose=False)
        await until(lambda: len(one.server._intake.open) == 1, "nobody is turned away")
        await one.server.stop()
        assert not one.server._intake.open
        assert await client.close_code() == 1013


def masked_ping(name: str) -> bytes:
    """A request in a frame whose mask changes nothing."""
    payload = json.dumps({"type": "ping", "id": name}).encode()
    return bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload


async def test_who_sends_much_at_once_is_read_by_and_by_and_others_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_STINT", 0.0)
    names = [f"{number:04}" for number in range(4000)]
    async with running() as one:
        client = await one.connect()
        busy = next(iter(one.server._connections))._websocket
        other = await one.connect()
        busy.take(b"".join(map(masked_ping, names)))
        assert not busy.transport.is_reading(), "more is read while there is something to be taken in"
        await other.ask("ping")
        assert not busy.transport.is_reading(), "the other one waits until all is taken in"
        assert [(await client.read())["correlation_id"] for _ in names] == names
        await client.ask("ping")
        assert busy.transport.is_reading()


async def test_what_is_still_to_be_taken_in_ends_with_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_STINT", 0.0)
    async with running() as one:
        await one.connect()
        (connection,) = one.server._connections
        connection._websocket.take(masked_ping("a") * 1000)
        connection.abort()
        await one.quiet()
