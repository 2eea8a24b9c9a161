"""Accepts connections on one port, each with the TLS context that is the newest by then.

The event loop's own servers accept as often as the queue is long after descriptors have run out, and log each failure
(CPython issue 151615). So accepting is done here, in the same way on each loop.
"""

import asyncio
import errno
import socket
import ssl
from asyncio import sslproto
from collections.abc import Callable
from typing import Any

from bodhisattva.servers.core.config import ConfigError
from bodhisattva.servers.core.transport.websocket import CLOSE_TIMEOUT

_BACKLOG = 1024
_BATCH = 64  # accepted at most before the loop serves others
_PAUSE = 0.1  # seconds until accepting is tried again, after the system refused
_PASSING = frozenset({errno.ECONNABORTED, errno.EPROTO, errno.EINTR})  # of one peer, which is gone


class _TlsProtocol(sslproto.SSLProtocol):
    """asyncio's TLS with a smaller read buffer, which each connection has, idle or not."""

    max_size = 32 * 1024  # two records (RFC 8446, 5.1); 256 KiB by default


class Acceptor:
    """Holds the port from when it is made until it is closed.

    admits: whether one more socket may be kept beside those that are open, whose number it is given. Who may not is
    closed at once. logger: gets a line a second at most about refused peers, and about a system that refuses.
    sockets: how many were accepted and are not closed yet.
    """

    def __init__(self, host: str, port: int, admits: Callable[[int], bool], logger: Any) -> None:
        self._listener = listen(host, port)
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        self.sockets = 0
        self._admits = admits
        self._refused = _RateLimitedWarning(logger, "connections refused: too many are pending")
        self._failed = _RateLimitedWarning(logger, "cannot accept connections")
        self._protocol: Callable[[], asyncio.Protocol] | None = None
        self._context: ssl.SSLContext | None = None
        self._handshake = 0.0
        self._connecting: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None

    async def open(
        self, protocol: Callable[[], asyncio.Protocol], context: ssl.SSLContext | None, handshake: float
    ) -> None:
        """Begin, without TLS if there is no context. handshake: seconds for TLS."""
        self._protocol = protocol
        self._context = context
        self._handshake = handshake
        self._watch()

    def renew(self, context: ssl.SSLContext | None) -> None:
        """Use another context for what comes; the connections that are there stay as they are.

        Another one, since a context remembers sessions, which are resumed without another check of their certificates.
        """
        self._context = context

    def close(self) -> None:
        """Free the port; harmless when that is done. TLS handshakes under way are cancelled."""
        if self._listener.fileno() < 0:
            return
        if self._retry is not None:
            self._retry.cancel()
        if self._protocol is not None:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
        self._listener.close()
        for task in self._connecting:
            task.cancel()

    def _watch(self) -> None:
        self._retry = None
        asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        """Accept what waits in the queue of the port, or pause if the system has no room."""
        for _ in range(_BATCH):
            try:
                peer, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _PASSING:
                    continue
                self._failed.warn(error.strerror)
                self._pause()
                return
            if self._admits(self.sockets):
                self._begin(_Accepted(peer, self._freed))
            else:
                peer.close()
                self._refused.warn(None)

    def _pause(self) -> None:
        """Once, however many wait, so that open connections are served meanwhile."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listener.fileno())
        self._retry = loop.call_later(_PAUSE, self._watch)

    def _begin(self, peer: "_Accepted") -> None:
        self.sockets += 1
        peer.setblocking(False)
        task = asyncio.get_running_loop().create_task(self._connect(peer))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, peer: "_Accepted") -> None:
        """Give it a transport of the loop's, after the TLS handshake if there is one."""
        assert self._protocol is not None
        loop = asyncio.get_running_loop()
        try:
            if self._context is None:
                await loop.connect_accepted_socket(self._protocol, peer)
            elif isinstance(loop, asyncio.BaseEventLoop):
                await self._connect_by_asyncio(loop, peer, self._protocol(), self._context)
            else:  # uvloop has TLS of its own
                await loop.connect_accepted_socket(
                    self._protocol,
                    peer,
                    ssl=self._context,
                    ssl_handshake_timeout=self._handshake,
                    ssl_shutdown_timeout=CLOSE_TIMEOUT,
                )
        except BaseException as error:
            loop.call_soon(peer.close)  # after the transport, if there was one, has let go of it
            if not isinstance(error, OSError):  # no handshake, or a peer that is gone
                raise

    async def _connect_by_asyncio(
        self, loop: asyncio.BaseEventLoop, peer: "_Accepted", protocol: asyncio.Protocol, context: ssl.SSLContext
    ) -> None:
        """As asyncio does with `ssl=`, but with our own buffer."""
        handshake = loop.create_future()
        tls = _TlsProtocol(
            loop,
            protocol,
            context,
            handshake,
            server_side=True,
            ssl_handshake_timeout=self._handshake,  # type: ignore[arg-type] # any number of seconds
            ssl_shutdown_timeout=CLOSE_TIMEOUT,
        )
        transport, _ = await loop.connect_accepted_socket(lambda: tls, peer)
        try:
            await handshake
        except BaseException:
            transport.close()
            raise

    def _freed(self) -> None:
        self.sockets -= 1


class _Accepted(socket.socket):
    """A peer's socket. freed: called once, when it is closed, or detached from here by a loop that closes it."""

    def __init__(self, peer: socket.socket, freed: Callable[[], None]) -> None:
        super().__init__(peer.family, peer.type, peer.proto, fileno=peer.detach())
        self._freed: Callable[[], None] | None = freed

    def close(self) -> None:
        super().close()
        self._free()

    def detach(self) -> int:
        descriptor = super().detach()
        self._free()
        return descriptor

    def _free(self) -> None:
        freed, self._freed = self._freed, None
        if freed is not None:
            freed()


class _RateLimitedWarning:
    """A warning that is logged at most once a second, with how often it was due since the last one."""

    _INTERVAL = 1.0

    def __init__(self, logger: Any, message: str) -> None:
        self._logger = logger
        self._message = message
        self._due = 0
        self._next = 0.0

    def warn(self, reason: str | None) -> None:
        self._due += 1
        instant = asyncio.get_running_loop().time()
        if instant < self._next:
            return
        self._next = instant + self._INTERVAL
        self._logger.warning(self._message, times=self._due, **({"reason": reason} if reason else {}))
        self._due = 0


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, or a ConfigError with the reason. `::` is all of IPv4 too, if there is both."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"port {port} on {host} is in use; stop what uses it or set another port") from None
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from None
