"""What a connection costs after the upgrade, and how it is read: no task, no queue, nothing of aiohttp's HTTP."""

import asyncio
import gc

from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

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
