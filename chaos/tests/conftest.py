"""A link through a real Toxiproxy to a server that sends back each line."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from toxiproxy import Toxiproxy as Api

from bodhisattva.chaos.toxiproxy import Link, call
from bodhisattva.chaos.toxiproxy_server import HOST, toxiproxy_server


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that sends back each line."""
    while line := await reader.readline():
        writer.write(line)
    writer.close()


@pytest.fixture(scope="module")
async def link(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Link]:
    log = tmp_path_factory.mktemp("toxiproxy") / "toxiproxy.log"
    server = await asyncio.start_server(_answer, HOST)
    upstream = "{}:{}".format(*server.sockets[0].getsockname())
    async with server, toxiproxy_server("process", 0, log):
        proxy = await call("creating", Api().create, upstream, "link", f"{HOST}:0")
        yield Link("link", HOST, int(proxy.listen.rpartition(":")[2]), None, proxy)
