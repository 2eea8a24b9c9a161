"""A TCP proxy that cuts a connection at a chosen request, before or after the server has received it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

from bodhisattva.servers.core.supervisor import cancelled

Cut = Literal["before", "after"]


class Relay:
    """port: of the proxy. done: whether the connection was cut."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.done = False
        self._target = target
        self._left = 0
        self._where: Cut = "before"
        self._sent: dict[object, bytes] = {}
        self._silent: set[object] = set()
        self._links: set[asyncio.Task[None]] = set()

    def cut(self, requests: int, where: Cut) -> None:
        """Cut the connection that carries the request of that number, counted from now, before or after the server."""
        self._left, self._where, self.done = requests, where, False

    def spare(self) -> None:
        """Cut nothing any more."""
        self._left = 0

    def silence(self, word: bytes) -> None:
        """Carry nothing more over the connections that have sent this, which do not end."""
        self._silent |= {link for link, sent in self._sent.items() if word in sent}

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.get_running_loop().create_task(self._carry(reader, writer))
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, server = await asyncio.open_connection("127.0.0.1", self._target)
        back = asyncio.get_running_loop().create_task(self._pump(answers, writer))
        self._sent[writer] = b""
        try:
            while request := await reader.read(1 << 20):
                self._sent[writer] += request
                if writer in self._silent:
                    continue
                self._left -= 1
                if self._left == 0:
                    self.done = True
                    await cancelled(back)
                    if self._where == "after":
                        server.write(request)
                        await answers.read(1)
                    return
                server.write(request)
        except OSError:
            pass
        finally:
            await cancelled(back)
            for end in (server, writer):
                end.close()
                with suppress(OSError):
                    await end.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while answer := await reader.read(1 << 20):
                if writer not in self._silent:
                    writer.write(answer)

    async def close(self) -> None:
        await cancelled(*self._links)


@asynccontextmanager
async def relay(target: int) -> AsyncIterator[Relay]:
    """A relay to a port of loopback."""
    made = Relay(target)
    server = await asyncio.start_server(made.accept, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.close()
