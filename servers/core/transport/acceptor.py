"""Accepts connections on one port, each with the TLS context that is the newest by then."""

import asyncio
import errno
import socket
import ssl
from asyncio import sslproto
from collections.abc import Callable

from bodhisattva.servers.core.config import ConfigError
from bodhisattva.servers.core.transport.websocket import CLOSE_TIMEOUT

_BACKLOG = 1024
# asyncio gives each TLS connection a buffer of this size, idle or not; its own 256 KiB are not a setting.
sslproto.SSLProtocol.max_size = 32 * 1024  # two records (RFC 8446, 5.1)


class Acceptor:
    """Holds the port from when it is made until it is closed."""

    def __init__(self, host: str, port: int) -> None:
        self._listener = listen(host, port)
        self.port = int(self._listener.getsockname()[1])
        self._server: asyncio.Server | None = None
        self._protocol: Callable[[], asyncio.Protocol] | None = None
        self._renewing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def open(
        self, protocol: Callable[[], asyncio.Protocol], context: ssl.SSLContext | None, handshake: float
    ) -> None:
        """Begin, without TLS if there is no context. handshake: seconds for TLS."""
        self._protocol = protocol
        self._handshake = handshake
        self._server = await self._serve(context)

    def renew(self, context: ssl.SSLContext | None) -> None:
        """Use another context for what comes; the connections that are there stay as they are.

        Another one, since a context remembers sessions, which are resumed without a look at their certificates.
        Before it is open there is nothing to be replaced.
        """
        if self._protocol is None:
            return
        task = asyncio.get_running_loop().create_task(self._replace(context))
        self._renewing.add(task)
        task.add_done_callback(self._renewing.discard)

    def close(self) -> None:
        self._closed = True
        self._listener.close()
        if self._server is not None:
            self._server.close()

    async def _replace(self, context: ssl.SSLContext | None) -> None:
        """The two share the queue of the port, so nobody is turned away in between."""
        newer = await self._serve(context)
        former, self._server = self._server, newer
        if former is not None:
            await _retire(former)
        if self._closed:
            newer.close()

    async def _serve(self, context: ssl.SSLContext | None) -> asyncio.Server:
        assert self._protocol is not None
        return await asyncio.get_running_loop().create_server(
            self._protocol,
            sock=self._listener.dup(),
            ssl=context,
            backlog=_BACKLOG,
            ssl_handshake_timeout=self._handshake if context is not None else None,
            ssl_shutdown_timeout=CLOSE_TIMEOUT if context is not None else None,
        )


async def _retire(server: asyncio.Server) -> None:
    """Accept no more, let what was accepted in this turn of the loop become a connection, and only then close."""
    for listener in server.sockets:
        asyncio.get_running_loop().remove_reader(listener.fileno())
    await asyncio.sleep(0)
    server.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, or a ConfigError that says what is in the way."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"port {port} on {host} is in use; stop what uses it or set another port") from None
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from None
