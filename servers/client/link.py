"""Keeps one authenticated connection open for as long as the client is open."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from enum import StrEnum
from typing import Any

import aiohttp

from bodhisattva.servers.client import retry_after
from bodhisattva.servers.client.backoff import Backoff
from bodhisattva.servers.client.connection import AUTH_CODES, Connection
from bodhisattva.servers.client.credentials import TokenSource
from bodhisattva.servers.client.endpoint import Endpoint
from bodhisattva.servers.client.errors import (
    AuthenticationFailed,
    ClientClosed,
    ClientError,
    ConnectionLost,
    Unreachable,
)
from bodhisattva.servers.client.wire import Event, fresh_id

_DAY = 86_400.0
_STABLE = 1.0  # seconds; a connection that ends sooner counts as a failed attempt


class State(StrEnum):
    """The state of a client's connection."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    CLOSED = "closed"


OnState = Callable[[State, str], None]


class Link:
    """Connects, authenticates with a fresh token, and reconnects after a pause when the connection is lost.

    on_event: gets the events of subscriptions. on_state: gets each new state and its reason.
    connections: how many were opened so far. welcome: data of the newest welcome.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        tokens: TokenSource,
        *,
        backoff: Backoff,
        connect_timeout: float,
        on_event: Callable[[Event], None],
        on_state: OnState,
    ) -> None:
        self.connections = 0
        self.welcome: dict[str, Any] = {}
        self.state = State.CLOSED
        self._endpoint = endpoint
        self._tokens = tokens
        self._backoff = backoff
        self._connect_timeout = connect_timeout
        self._on_event = on_event
        self._on_state = on_state
        self._session: aiohttp.ClientSession | None = None
        self._connection: Connection | None = None
        self._usable = asyncio.Event()  # there is a connection for requests, or there never will be one again
        self._opened = asyncio.Event()  # there was a connection, or there never will be one
        self._failure: ClientError | None = ClientClosed("the client is not open: use it in `async with`")
        self._last_error: ClientError | None = None
        self._reconnect_after: float | None = None  # seconds; set by a server that drains or is too busy
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        if self._session is not None:
            raise ClientClosed("a client is opened once: make another")
        self._failure = None
        self._session = self._endpoint.session()
        self._spawn(self._run())

    async def aclose(self) -> None:
        """Close with a close frame; every waiting caller gets ClientClosed."""
        self._fail(ClientClosed("the client is closed"))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def ready(self) -> Connection:
        """Wait for a usable connection; raise the failure if there will be none."""
        while True:
            if self._failure is not None:
                raise self._failure
            if self._usable.is_set() and self._connection is not None:
                return self._connection
            await self._usable.wait()

    async def wait_opened(self, timeout: float | None) -> None:
        """Wait for the first connection; Unreachable, with the last attempt's error, after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._opened.wait()
        except TimeoutError:
            reason = self._last_error or "no answer"
            raise Unreachable(f"not connected within {timeout} s: {reason}") from self._last_error
        if self._failure is not None:
            raise self._failure

    async def _run(self) -> None:
        self._set_state(State.CONNECTING, self._endpoint.redacted_url)
        try:
            while True:
                await self._connect_once()
        except ClientError as error:
            self._fail(error)

    async def _connect_once(self) -> None:
        """Make one attempt, use its connection until it ends, then wait before the next."""
        try:
            connection = await self._connect()
        except (Unreachable, OSError) as error:
            unreachable = error if isinstance(error, Unreachable) else Unreachable(str(error))
            self._last_error = unreachable
            self._reconnect_after = unreachable.retry_after
        else:
            lost = await self._use(connection)
            self._set_state(State.RECONNECTING, str(lost))
        await asyncio.sleep((self._reconnect_after or 0.0) + self._backoff.next())

    async def _connect(self) -> Connection:
        assert self._session is not None
        self._reconnect_after = None
        try:
            async with asyncio.timeout(self._connect_timeout):
                token = await self._tokens.get()
                socket = await self._endpoint.connect(self._session)
                connection = Connection(socket, self._on_connection_event, self._usable.clear)
                try:
                    self.welcome = await connection.handshake(token)
                except BaseException:
                    await connection.aclose()
                    raise
        except TimeoutError as error:
            raise Unreachable(f"{self._endpoint.redacted_url}: no welcome within {self._connect_timeout} s") from error
        return connection

    async def _use(self, connection: Connection) -> ConnectionLost:
        """Offer the connection for requests until it ends.

        AuthenticationFailed if the token ended it and no other token can be had.
        """
        loop = asyncio.get_running_loop()
        opened_at = loop.time()
        self.connections += 1
        self._connection = connection
        self._set_state(State.CONNECTED, self._endpoint.redacted_url)
        self._opened.set()
        if self._reconnect_after is None and not connection.closed.done():
            self._usable.set()
        try:
            lost = await asyncio.shield(connection.closed)
        finally:
            await connection.aclose()
        if loop.time() - opened_at >= _STABLE:
            self._backoff.reset()
        if connection.last_error in AUTH_CODES and not self._tokens.renewable:
            raise AuthenticationFailed(f"{connection.last_error}: {lost.reason}") from lost
        return lost

    def _on_connection_event(self, event: Event) -> None:
        if event.name == "server.draining":
            self._usable.clear()
            self._reconnect_after = retry_after.seconds(event.data.get("reconnect_after"))
        elif event.name == "auth.expiring" and self._tokens.renewable:
            self._spawn(self._refresh_token(retry_after.seconds(event.data.get("expires_in"), longest=_DAY)))
        else:
            self._on_event(event)

    async def _refresh_token(self, expires_in: float) -> None:
        """Replace the expiring token on the live connection. If that fails, the next connection has a fresh one.

        It waits for half of the time left, so that short-lived tokens are not renewed in a tight loop.
        """
        await asyncio.sleep(expires_in / 2)
        with suppress(ClientError, OSError):
            connection = await self.ready()
            token = await self._tokens.get()
            await connection.request("refresh_token", {"token": token}, request_id=fresh_id())

    def _set_state(self, state: State, reason: str) -> None:
        self.state = state
        self._on_state(state, reason)

    def _fail(self, error: ClientError) -> None:
        if self._failure is None:
            self._failure = error
            self._usable.set()
            self._opened.set()
            self._set_state(State.CLOSED, str(error))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            failure = ClientClosed(f"the client broke: {error!r}")
            failure.__cause__ = error
            self._fail(failure)
