"""One WebSocket connection: handshake, requests, events, and its end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
import msgspec

from bodhisattva.servers.client.errors import (
    AuthenticationFailed,
    ConnectionLost,
    MalformedAnswer,
    RequestFailed,
    Unreachable,
)
from bodhisattva.servers.client.pending import ABNORMAL_CLOSURE, Answer, OnAnswer, PendingRequests
from bodhisattva.servers.client.wire import Envelope, Event, decode, encode_request, fresh_id

AUTH_CODES = frozenset({"AUTH_FAILED", "AUTH_REQUIRED", "TOKEN_EXPIRED"})
_WELCOME = "session.created"
_DECODE_ERROR = "DECODE_ERROR"
_PROTOCOL_ERROR = 1002
_POLICY_VIOLATION = 1008


class Connection:
    """A reader task delivers events, and answers to the requests that wait for them.

    on_event and on_close are called synchronously, in the order of the wire. on_close comes first at the end,
    before any request fails. closed: how the connection ended. last_error: code of the last error without a request.
    """

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        on_event: Callable[[Event], None],
        on_close: Callable[[], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[ConnectionLost] = loop.create_future()
        self.last_error: str | None = None
        self._socket = socket
        self._on_event = on_event
        self._on_close = on_close
        self._pending = PendingRequests()
        self._closed_by_server = False  # by a close frame
        self._welcome: asyncio.Future[Answer | ConnectionLost] = loop.create_future()
        self._reader = loop.create_task(self._read())

    async def handshake(self, token: str | None) -> Answer:
        """Authenticate (protocol 2.3) if there is a token; wait for the welcome (2.4) and return its data."""
        try:
            if token is not None:
                await self.request("auth", {"token": token}, request_id=fresh_id())
            welcome = await self._welcome
            if isinstance(welcome, ConnectionLost):
                raise welcome
        except RequestFailed as error:
            if error.code in AUTH_CODES:
                raise AuthenticationFailed(str(error)) from error
            raise Unreachable(f"the server cannot authenticate now: {error}") from error
        except ConnectionLost as lost:
            if lost.code == _POLICY_VIOLATION:
                raise AuthenticationFailed(f"{self.last_error or lost.code}: {lost.reason}") from lost
            raise Unreachable(f"the server hung up before its welcome: {lost}") from lost
        return welcome

    async def request(
        self,
        name: str,
        data: dict[str, Any],
        *,
        request_id: str,
        on_answer: OnAnswer | None = None,
        traceparent: str | None = None,
    ) -> Answer:
        """Send a request and return its answer's data; RequestFailed or ConnectionLost otherwise.

        `on_answer` gets the data of a success before any later message is read. Its MalformedAnswer is raised here.
        """
        if self.closed.done():
            raise self.closed.result()
        text = encode_request(name, data, request_id, traceparent)
        with self._pending.waiting(request_id, text, on_answer) as pending:
            with suppress(ConnectionResetError, aiohttp.ClientError):  # the reader learns how it ended
                await self._socket.send_str(text)
            result = await pending.result
        if isinstance(result, ConnectionLost | MalformedAnswer):
            raise result
        if result.type == "error":
            raise RequestFailed(result.error_code or "", result.error_message or "", result.data)
        return result.data or {}

    async def aclose(self) -> None:
        """Close with 1000 and wait for the reader; does nothing the second time."""
        await self._socket.close()
        await self._reader

    async def _read(self) -> None:
        lost = ConnectionLost(ABNORMAL_CLOSURE, "")
        try:
            while True:
                message = await self._socket.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    lost = self._how_it_ended(message)
                    break
                self._dispatch(decode(message.data))
        except msgspec.DecodeError:
            lost = ConnectionLost(ABNORMAL_CLOSURE, "the server sent what is no envelope")
            await self._socket.close(code=_PROTOCOL_ERROR)
        finally:
            self._finish(lost)
        await self._socket.close()

    def _how_it_ended(self, message: aiohttp.WSMessage) -> ConnectionLost:
        self._closed_by_server = message.type is aiohttp.WSMsgType.CLOSE
        if self._closed_by_server:
            return ConnectionLost(int(message.data), message.extra or "")
        if message.type is aiohttp.WSMsgType.BINARY:
            return ConnectionLost(ABNORMAL_CLOSURE, "the server sent a binary frame")
        return ConnectionLost(self._socket.close_code or ABNORMAL_CLOSURE, str(self._socket.exception() or ""))

    def _dispatch(self, envelope: Envelope) -> None:
        if envelope.type == "event":
            self._dispatch_event(envelope)
        elif not self._pending.resolve(envelope) and envelope.type == "error":
            self.last_error = envelope.error_code
            if envelope.error_code == _DECODE_ERROR:  # the server could not read the id either
                self._pending.resolve_only(envelope)

    def _dispatch_event(self, envelope: Envelope) -> None:
        if envelope.event == _WELCOME and envelope.room is None and not self._welcome.done():
            self._welcome.set_result(envelope.data or {})
        else:
            self._on_event(Event.of(envelope))

    def _finish(self, lost: ConnectionLost) -> None:
        self._on_close()
        self.closed.set_result(lost)
        if not self._welcome.done():
            self._welcome.set_result(lost)
        self._pending.fail(lost, closed_by_server=self._closed_by_server)
