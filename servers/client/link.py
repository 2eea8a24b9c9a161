"""Keeps one authenticated connection open for as long as the client lives."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from enum import StrEnum
from typing import Any

import aiohttp

from bodhisattva.servers.client import pause
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
    """What a client is doing about its connection."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    CLOSED = "closed"


OnState = Callable[[State, str], None]


class Link:
    """Connects, authenticates with a fresh token each time, and after a loss waits and does it again.

    on_event: for events that concern subscriptions. on_state: each change, with the reason in words.
    connections: how many were opened so far. welcome: data of the last welcome.
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
        self._settled = asyncio.Event()  # there is a connection to use, or there never will be one again
        self._opened = asyncio.Event()  # there was a connection, or there never will be one
        self._failure: ClientError | None = ClientClosed("the client is not open: use it in `async with`")
        self._last_error: ClientError | None = None
        self._reconnect_after: float | None = None  # set by a server that drains, or is too busy
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        if self._session is not None:
            raise ClientClosed("a client is opened once: make another")
        self._failure = None
        self._session = self._endpoint.session()
        self._spawn(self._run())

    async def aclose(self) -> None:
        """End with a close frame; whoever waits gets ClientClosed."""
        self._fail(ClientClosed("the client is closed"))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def ready(self) -> Connection:
        """The connection to use, as soon as there is one; the failure if there will be none."""
        while True:
            if self._failure is not None:
                raise self._failure
            if self._settled.is_set() and self._connection is not None:
                return self._connection
            await self._settled.wait()

    async def opened(self, timeout: float | None) -> None:
        """Wait for the first connection; Unreachable, with the last attempt's error, if it takes too long."""
        try:
            async with asyncio.timeout(timeout):
                await self._opened.wait()
        except TimeoutError:
            why = self._last_error or "no answer"
            raise Unreachable(f"not connected within {timeout} s: {why}") from self._last_error
        if self._failure is not None:
            raise self._failure

    async def _run(self) -> None:
        self._enter(State.CONNECTING, self._endpoint.place)
        try:
            while True:
                await self._once()
        except ClientError as error:
            self._fail(error)

    async def _once(self) -> None:
        """One attempt, the whole life of its connection if it succeeds, the pause before the next."""
        try:
            connection = await self._attempt()
        except (Unreachable, OSError) as error:
            unreachable = error if isinstance(error, Unreachable) else Unreachable(str(error))
            self._last_error = unreachable
            self._reconnect_after = unreachable.retry_after
        else:
            lost = await self._use(connection)
            self._enter(State.RECONNECTING, str(lost))
        await asyncio.sleep((self._reconnect_after or 0.0) + self._backoff.next())

    async def _attempt(self) -> Connection:
        assert self._session is not None
        self._reconnect_after = None
        try:
            async with asyncio.timeout(self._connect_timeout):
                token = await self._tokens.get()
                socket = await self._endpoint.connect(self._session)
                connection = Connection(socket, self._take_event, self._settled.clear)
                try:
                    self.welcome = await connection.handshake(token)
                except BaseException:
                    await connection.aclose()
                    raise
        except TimeoutError as error:
            raise Unreachable(f"{self._endpoint.place}: no welcome within {self._connect_timeout} s") from error
        return connection

    async def _use(self, connection: Connection) -> ConnectionLost:
        """Offer the connection until it ends; AuthenticationFailed if the token's end ended it for good."""
        loop = asyncio.get_running_loop()
        opened_at = loop.time()
        self.connections += 1
        self._connection = connection
        self._enter(State.CONNECTED, self._endpoint.place)
        self._opened.set()
        if self._reconnect_after is None and not connection.closed.done():
            self._settled.set()
        try:
            lost = await asyncio.shield(connection.closed)
        finally:
            await connection.aclose()
        if loop.time() - opened_at >= _STABLE:
            self._backoff.reset()
        if connection.last_error in AUTH_CODES and not self._tokens.renewable:
            raise AuthenticationFailed(f"{connection.last_error}: {lost.reason}") from lost
        return lost

    def _take_event(self, event: Event) -> None:
        if event.name == "server.draining":
            self._settled.clear()
            self._reconnect_after = pause.seconds(event.data.get("reconnect_after"))
        elif event.name == "auth.expiring" and self._tokens.renewable:
            self._spawn(self._renew(pause.seconds(event.data.get("expires_in"), longest=_DAY)))
        else:
            self._on_event(event)

    async def _renew(self, expires_in: float) -> None:
        """Swap the expiring token on the live connection; failing that, a reconnect will do it.

        Halfway to the end, so that tokens that live no longer than the warning are not renewed in a rush.
        """
        await asyncio.sleep(expires_in / 2)
        with suppress(ClientError, OSError):
            connection = await self.ready()
            token = await self._tokens.get()
            await connection.request("refresh_token", {"token": token}, request_id=fresh_id())

    def _enter(self, state: State, reason: str) -> None:
        self.state = state
        self._on_state(state, reason)

    def _fail(self, error: ClientError) -> None:
        if self._failure is None:
            self._failure = error
            self._settled.set()
            self._opened.set()
            self._enter(State.CLOSED, str(error))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._reap)

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            failure = ClientClosed(f"the client broke: {error!r}")
            failure.__cause__ = error
            self._fail(failure)
