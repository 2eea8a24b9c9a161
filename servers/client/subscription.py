"""A channel's events as an async iterator over any number of connections."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from bodhisattva.servers.client import retry_after
from bodhisattva.servers.client.backoff import Backoff
from bodhisattva.servers.client.connection import Connection
from bodhisattva.servers.client.errors import (
    ClientError,
    ConnectionLost,
    Discontinuity,
    Reconnected,
    RequestFailed,
    RequestTimedOut,
    SubscriptionRevoked,
)
from bodhisattva.servers.client.inbox import Inbox
from bodhisattva.servers.client.link import Link
from bodhisattva.servers.client.position import Position
from bodhisattva.servers.client.resumption import Resumption
from bodhisattva.servers.client.wire import Event, fresh_id, subscribed_at

_TRANSIENT = frozenset({"UNAVAILABLE", "RATE_LIMIT_EXCEEDED"})
_UNSUBSCRIBE_TIMEOUT = 1.0


class Subscription:
    """`async with client.subscribe(channel) as events: async for event in events: ...`

    Persisted channel: every event once, in order, over any number of connections. Where the server breaks
    that, the iteration raises a Discontinuity at the place of the break, and can go on after it.
    If the consumer falls `capacity` events behind, the client unsubscribes. It resumes after the last event kept
    once the consumer has caught up.
    Ephemeral channel (no offsets): a consumer that falls behind loses the oldest events, counted in `dropped`.

    Without `resume` the subscription lives on one connection: the iteration ends with Reconnected at the next one.

    The iteration ends with RequestFailed if the server refuses to resubscribe, with SubscriptionRevoked, or with
    the client's own end (ClientClosed, AuthenticationFailed), each after the events before it.

    position: of the last event delivered to the consumer; store it and pass it as `since` another time.
    duplicates: how many events the server sent again. They are not delivered.
    """

    def __init__(
        self,
        link: Link,
        subscriptions: dict[str, "Subscription"],
        channel: str,
        *,
        since: Position | None,
        capacity: int,
        timeout: float,
        resume: bool,
    ) -> None:
        self.channel = channel
        self.position = since
        self.duplicates = 0
        self._link = link
        self._subscriptions = subscriptions
        self._timeout = timeout
        self._resumes = resume
        self._inbox = Inbox(capacity)
        self._resumption = Resumption(channel, since)
        self._backoff = Backoff()
        self._live = False  # true between the answer to subscribe and the next interruption
        self._interrupted = asyncio.Event()
        self._started: asyncio.Future[ClientError | None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection | None = None

    @property
    def dropped(self) -> int:
        return self._inbox.dropped

    async def __aenter__(self) -> Self:
        """Subscribe; RequestFailed if refused, RequestTimedOut if not answered in time."""
        if self.channel in self._subscriptions:
            raise ValueError(f"this client is already subscribed to {self.channel}")
        self._subscriptions[self.channel] = self
        self._task = asyncio.get_running_loop().create_task(self._resubscribe())
        try:
            await self._wait_subscribed()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self, end: BaseException | None = None) -> None:
        """Unsubscribe, if there is a connection. A running iteration ends with `end`, by default normally."""
        self._inbox.close(end or StopAsyncIteration())
        if self._subscriptions.pop(self.channel, None) is None or self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._live and self._connection is not None:
            self._live = False
            await self._unsubscribe(self._connection)

    @property
    def waiting(self) -> int:
        """How many received events the consumer has not taken yet."""
        return len(self._inbox)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        try:
            event = await self._inbox.get()
        except Discontinuity as broken:
            self.position = broken.at
            raise
        self.position = event.position or self.position
        return event

    def deliver(self, event: Event) -> None:
        """Take an event of this channel from the reader; never waits."""
        if not self._live:
            return
        if event.position is None:
            self._inbox.put_dropping_oldest(event)
        elif self._resumption.is_duplicate(event.position):
            self.duplicates += 1
        elif self._inbox.is_full:
            self._interrupt()
        else:
            broken = self._resumption.advance(event.position)
            if broken is not None:
                self._inbox.put(broken)
            self._inbox.put(event)

    def revoke(self) -> None:
        """End the subscription, since the server has (protocol 2, tokens)."""
        self._live = False
        self._end(SubscriptionRevoked(self.channel))

    async def _wait_subscribed(self) -> None:
        """Wait for the first answer to subscribe; raise its error."""
        try:
            async with asyncio.timeout(self._timeout):
                error = await asyncio.shield(self._started)
        except TimeoutError:
            raise RequestTimedOut(f"not subscribed to {self.channel} within {self._timeout} s") from None
        if error is not None:
            raise error

    async def _resubscribe(self) -> None:
        """Subscribe on each new connection and after each overflow, until the server refuses or the client ends."""
        try:
            while True:
                connection = await self._link.ready()
                if not self._resumes and self._connection not in (None, connection):
                    raise Reconnected(f"{self.channel}: the client has reconnected")
                with suppress(ConnectionLost, TimeoutError):
                    await self._stay_subscribed(connection)
        except ClientError as error:
            self._end(error)

    async def _stay_subscribed(self, connection: Connection) -> None:
        """Return when the connection has ended, or when the consumer has caught up after an overflow."""
        if not await self._subscribe(connection):
            return
        await self._wait_interrupted(connection)
        await self._unsubscribe(connection)
        await self._inbox.drained.wait()

    async def _subscribe(self, connection: Connection) -> bool:
        """Send one request; False, after a pause, if the server cannot serve it at present."""
        self._connection = connection
        self._live = False
        self._interrupted.clear()
        data: dict[str, Any] = {"channel": self.channel}
        since = self._resumption.position
        if since is not None:
            data["since"] = {"epoch": since.epoch, "offset": since.offset}
        try:
            async with asyncio.timeout(self._timeout):
                await connection.request("subscribe", data, request_id=fresh_id(), on_answer=self._on_subscribed)
        except RequestFailed as error:
            if error.code not in _TRANSIENT:
                raise
            await asyncio.sleep(retry_after.seconds(error.data.get("retry_after")) + self._backoff.next())
            return False
        self._backoff.reset()
        return True

    def _on_subscribed(self, answer: dict[str, Any]) -> None:
        at = subscribed_at(answer)
        if at is not None:
            broken = self._resumption.resumed(at, recovered=answer.get("recovered") is True)
            if broken is not None:
                self._inbox.put(broken)
            self.position = self.position or at
        self._live = True
        if not self._started.done():
            self._started.set_result(None)

    async def _wait_interrupted(self, connection: Connection) -> None:
        """Wait until the connection ends or the inbox has overflowed."""

        def interrupt(_: asyncio.Future[ConnectionLost]) -> None:
            self._interrupt()

        connection.closed.add_done_callback(interrupt)
        try:
            await self._interrupted.wait()
        finally:
            connection.closed.remove_done_callback(interrupt)

    def _interrupt(self) -> None:
        self._live = False
        self._interrupted.set()

    async def _unsubscribe(self, connection: Connection) -> None:
        """Stop the server from sending events that nobody would read; a failure does not matter."""
        with suppress(ClientError, TimeoutError):
            async with asyncio.timeout(_UNSUBSCRIBE_TIMEOUT):
                await connection.request("unsubscribe", {"channel": self.channel}, request_id=fresh_id())

    def _end(self, error: ClientError) -> None:
        self._inbox.close(error)
        if not self._started.done():
            self._started.set_result(error)
