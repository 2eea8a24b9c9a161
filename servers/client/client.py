"""The client: requests that it retries safely, and subscriptions that it resumes."""

import asyncio
import ssl as tls
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from bodhisattva.servers.client import retry_after
from bodhisattva.servers.client.backoff import Backoff
from bodhisattva.servers.client.credentials import Token, TokenSource
from bodhisattva.servers.client.endpoint import Endpoint
from bodhisattva.servers.client.errors import (
    ClientClosed,
    ConnectionLost,
    RequestFailed,
    RequestTimedOut,
    Unreachable,
)
from bodhisattva.servers.client.link import Link, OnState, State
from bodhisattva.servers.client.position import Position
from bodhisattva.servers.client.subscription import Subscription
from bodhisattva.servers.client.wire import Event, events_of, fresh_id, head_of, members_of

_DEFAULT_RETRY_AFTER = 0.1  # seconds, for a request over the rate whose refusal names no time


def _ignore_state(_state: State, _reason: str) -> None:
    """The default of `on_state`."""


class Client:
    """One service's client, to be used in `async with`, in one event loop.

    token: a string, or a callable (sync or async) that returns a fresh one for each connection and before expiry.
    ssl, server_hostname, headers, heartbeat, close_timeout, max_message_bytes: see Endpoint.
    open_timeout: how long entering waits for the first connection; None waits without a limit.
    connect_timeout: for one attempt, from TCP to the welcome. All times are in seconds.
    on_state: called with each new state and its reason; it must not raise.

    Entering raises Unreachable, or a Refused: a token or certificate that no retry would mend.
    A later Refused closes the client, and every use of it raises that error.
    After any other loss the client reconnects. It waits for a full-jitter backoff, and for the time that a
    draining server requests.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Token | None = None,
        ssl: tls.SSLContext | None = None,
        server_hostname: str | None = None,
        headers: Mapping[str, str] | None = None,
        heartbeat: float | None = 20.0,
        open_timeout: float | None = 10.0,
        connect_timeout: float = 10.0,
        close_timeout: float = 1.0,
        max_message_bytes: int = 16 * 2**20,
        backoff: Backoff | None = None,
        on_state: OnState = _ignore_state,
    ) -> None:
        endpoint = Endpoint(url, ssl, server_hostname, headers or {}, heartbeat, close_timeout, max_message_bytes)
        self._tokens = TokenSource(token)
        self._open_timeout = open_timeout
        self._subscriptions: dict[str, Subscription] = {}
        self._link = Link(
            endpoint,
            self._tokens,
            backoff=backoff or Backoff(),
            connect_timeout=connect_timeout,
            on_event=self._dispatch,
            on_state=on_state,
        )

    @property
    def connections(self) -> int:
        """How many connections were opened so far."""
        return self._link.connections

    @property
    def state(self) -> State:
        return self._link.state

    @property
    def welcome(self) -> dict[str, Any]:
        """Data of the newest connection's welcome (protocol 2.4)."""
        return self._link.welcome

    async def __aenter__(self) -> Self:
        self._link.start()
        try:
            await self._link.wait_opened(self._open_timeout)
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection and end every subscription with ClientClosed. The second call does nothing."""
        await self._link.aclose()
        for subscription in list(self._subscriptions.values()):
            await subscription.aclose(ClientClosed("the client is closed"))

    async def request(
        self,
        name: str,
        data: dict[str, Any] | None = None,
        *,
        id: str | None = None,  # noqa: A002 - the protocol's word for it
        timeout: float = 10.0,
        retry: bool = True,
        traceparent: str | None = None,
    ) -> dict[str, Any]:
        """Send a query or command and return the data of its answer.

        With `retry`, the client sends a request again, with the same id, if its connection ended or it was over the
        rate limit. It stops at `timeout`. The server executes the request at most once (protocol 1.2).
        traceparent: of the trace that the request is part of (W3C Trace Context); servers may ignore it.

        RequestFailed: the server answered with an error. Unreachable: nothing was sent.
        RequestTimedOut, and without `retry` ConnectionLost: the server may have executed it or not. Only a request
        with the same `id` may then be sent again safely.
        """
        request_id = id or fresh_id()
        sent = False
        try:
            async with asyncio.timeout(timeout):
                while True:
                    connection = await self._link.ready()
                    sent = True
                    try:
                        return await connection.request(
                            name, data or {}, request_id=request_id, traceparent=traceparent
                        )
                    except (ConnectionLost, RequestFailed) as error:
                        await asyncio.sleep(_pause_before_retry(error, retry))
        except TimeoutError:
            if sent:
                raise RequestTimedOut(f"{name}: no answer within {timeout} s") from None
            raise Unreachable(f"{name}: no connection within {timeout} s, nothing was sent") from None

    def subscribe(
        self,
        channel: str,
        *,
        since: Position | None = None,
        capacity: int = 4096,
        timeout: float = 10.0,
        resume: bool = True,
    ) -> Subscription:
        """A channel's events from now on, or all after `since`; see Subscription.

        capacity: events kept for a consumer that is behind. timeout: for entering, in seconds.
        resume: whether to go on over later connections.
        ValueError on entering if this client is subscribed to the channel already.
        """
        return Subscription(
            self._link,
            self._subscriptions,
            channel,
            since=since,
            capacity=capacity,
            timeout=timeout,
            resume=resume,
        )

    async def history(
        self, channel: str, *, after: int | None = None, limit: int | None = None, timeout: float = 10.0
    ) -> list[Event]:
        """Recorded events of a persisted channel with offsets above `after`, at most `limit` of them."""
        bounds = {"after": after, "limit": limit}
        data = {"channel": channel} | {key: value for key, value in bounds.items() if value is not None}
        return events_of({"channel": channel} | await self.request("history", data, timeout=timeout))

    async def head(self, channel: str, *, timeout: float = 10.0) -> Position:
        """The newest position of a persisted channel; its epoch with offset 0 is the beginning."""
        answer = await self.request("history", {"channel": channel, "limit": 1}, timeout=timeout)
        return head_of(answer)

    async def presence(self, channel: str, *, timeout: float = 10.0) -> list[dict[str, Any]]:
        """The members of a channel, as the server describes them."""
        answer = await self.request("presence", {"channel": channel}, timeout=timeout)
        return members_of(answer)

    async def refresh_token(self, token: str | None = None, *, timeout: float = 10.0) -> dict[str, Any]:
        """Replace the connection's token; without `token`, by a fresh one from the callable.

        Later connections use the given token too, unless a callable supplies the tokens.
        """
        fresh = token or await self._tokens.get()
        if fresh is None:
            raise ValueError("this client has no token to refresh")
        answer = await self.request("refresh_token", {"token": fresh}, timeout=timeout, retry=False)
        self._tokens.replace(fresh)
        return answer

    def _dispatch(self, event: Event) -> None:
        revoked = event.name == "subscription.revoked"
        channel = event.data.get("channel") if revoked and event.channel is None else event.channel
        subscription = self._subscriptions.get(channel) if isinstance(channel, str) else None
        if subscription is None:
            return
        if revoked:
            subscription.revoke()
        else:
            subscription.deliver(event)


def _pause_before_retry(error: ConnectionLost | RequestFailed, retry: bool) -> float:
    """Seconds to wait before sending again; raises `error` if that would be wrong or useless."""
    if retry and isinstance(error, ConnectionLost) and error.retriable:
        return 0.0
    if retry and isinstance(error, RequestFailed) and error.code == "RATE_LIMIT_EXCEEDED":
        return retry_after.seconds(error.data.get("retry_after"), _DEFAULT_RETRY_AFTER) or _DEFAULT_RETRY_AFTER
    raise error
