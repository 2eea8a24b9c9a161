"""Two processes of one service on one Redis: kill -9 of either loses nothing that was answered."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

import aiohttp

from bodhisattva.servers.client import Client, ClientError, RequestFailed
from bodhisattva.servers.tests.redis_server import RedisServer
from bodhisattva.servers.tests.running import until

LONG = 20.0


class Process:
    """`bodhisattva serve fastblocks` on a port of its own."""

    def __init__(self, redis: RedisServer, prefix: str, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self._folder = folder
        self._environment = os.environ | {
            "BODHISATTVA_AUTH": "disabled",
            "BODHISATTVA_LOG__KIND": "redis",
            "BODHISATTVA_LOG__URL": redis.url,
            "BODHISATTVA_LOG__PREFIX": prefix,
            "BODHISATTVA_PORT": str(self.port),
        }

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def start(self) -> None:
        command = [sys.executable, "-m", "bodhisattva.servers.cli", "serve", "fastblocks"]
        with (self._folder / f"{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stderr=log)  # noqa: S603

    async def ready(self) -> None:
        async with asyncio.timeout(LONG), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"http://127.0.0.1:{self.port}/ready") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def processes(redis: RedisServer, folder: Path) -> Iterator[list[Process]]:
    prefix = f"test-{uuid4()}"
    both = [Process(redis, prefix, folder) for _ in range(2)]
    try:
        for one in both:
            one.start()
        yield both
    finally:
        for one in both:
            one.kill()


@asynccontextmanager
async def clients(both: list[Process]) -> AsyncIterator[list[Client]]:
    async with Client(both[0].url) as first, Client(both[1].url) as second:
        yield [first, second]


async def command(someone: list[Client], number: int) -> None:
    """Set a number, over one process or else over the other, until it is answered."""
    data = {"state_path": f"n{number}", "value": number}
    for attempt in range(1000):
        client = someone[(number + attempt) % 2]
        try:
            await client.request("set_state", data, id=f"r{number}", timeout=1)
        except (ClientError, TimeoutError) as error:
            if isinstance(error, RequestFailed) and error.code != "UNAVAILABLE":
                raise
            await asyncio.sleep(0.02)
        else:
            return
    raise AssertionError(f"{number} was never answered")


async def test_s5_kill_9_of_a_replica_loses_nothing_and_does_nothing_twice(redis: RedisServer, tmp_path: Path) -> None:
    with processes(redis, tmp_path) as both:
        for one in both:
            await one.ready()
        async with clients(both) as someone, someone[1].subscribe("state") as live:
            answered = 0

            async def work(start: int) -> None:
                nonlocal answered
                for number in range(start, start + 25):
                    await command(someone, number)
                    answered += 1

            working = asyncio.gather(*(work(100 * worker) for worker in range(1, 5)))
            for enough, victim in ((15, both[0]), (40, both[1]), (65, both[0])):
                await until(lambda enough=enough: answered >= enough, "too few are answered", LONG)  # type: ignore[misc]
                victim.kill()
                victim.start()
                await victim.ready()
            await asyncio.wait_for(working, LONG)
            expected = {number for worker in range(1, 5) for number in range(100 * worker, 100 * worker + 25)}
            received = [await asyncio.wait_for(anext(live), LONG) for _ in range(len(expected))]
        values = [event.data["new_value"] for event in received]
        assert (len(values), set(values)) == (len(expected), expected), "each once"
        places = [event.position for event in received]
        assert [place.offset for place in places if place] == list(range(1, len(expected) + 1))
        assert len({place.epoch for place in places if place}) == 1
