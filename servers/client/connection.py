"""One WebSocket connection: handshake, requests and their answers, events, the end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
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
from bodhisattva.servers.client.wire import Envelope, Event, decode, encode_request, fresh_id

AUTH_CODES = frozenset({"AUTH_FAILED", "AUTH_REQUIRED", "TOKEN_EXPIRED"})
_WELCOME = "session.created"
_UNREAD = "DECODE_ERROR"
_PROTOCOL_ERROR = 1002
_POLICY_VIOLATION = 1008
_ABNORMAL = 1006
_TOO_BIG = 1009

Answer = dict[str, Any]
OnAnswer = Callable[[Answer], None]


@dataclass(eq=False)
class _Pending:
    """A request in flight; `on_answer` runs before the next message is read."""

    answer: asyncio.Future[Envelope | ConnectionLost | MalformedAnswer]
    on_answer: OnAnswer | None
    text: str


class Connection:
    """A reader task hands events on and answers to who waits for them.

    on_event and on_close are called synchronously, in the order of the wire; on_close before anybody
    else learns that the connection is gone. closed: how it ended.
    last_error: code of the last error that answered no request.
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
        self._pending: dict[str, _Pending] = {}
        self._hung_up = False  # whether it was the server that ended it, with a close frame
        self._given_up: set[str] = set()  # sent, and no longer waited for before its answer came
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

        `on_answer` sees the data of a success before any later message is read: nothing slips between. Its
        MalformedAnswer is raised here.
        """
        if self.closed.done():
            raise self.closed.result()
        if request_id in self._pending:
            raise ValueError(f"a request with the id {request_id} is already waiting for its answer")
        text = encode_request(name, data, request_id, traceparent)
        pending = _Pending(asyncio.get_running_loop().create_future(), on_answer, text)
        self._pending[request_id] = pending
        try:
            with suppress(ConnectionResetError, aiohttp.ClientError):  # the reader tells how it ended
                await self._socket.send_str(text)
            answer = await pending.answer
        finally:
            del self._pending[request_id]
            if not pending.answer.done() or pending.answer.cancelled():
                self._given_up.add(request_id)
        if isinstance(answer, ConnectionLost | MalformedAnswer):
            raise answer
        if answer.type == "error":
            raise RequestFailed(answer.error_code or "", answer.error_message or "", answer.data)
        return answer.data or {}

    async def aclose(self) -> None:
        """Close with 1000 and wait for the reader; does nothing the second time."""
        await self._socket.close()
        await self._reader

    async def _read(self) -> None:
        lost = ConnectionLost(_ABNORMAL, "")
        try:
            while True:
                message = await self._socket.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    lost = self._ending(message)
                    break
                self._route(decode(message.data))
        except msgspec.DecodeError:
            lost = ConnectionLost(_ABNORMAL, "the server sent what is no envelope")
            await self._socket.close(code=_PROTOCOL_ERROR)
        finally:
            self._finish(lost)
        await self._socket.close()

    def _ending(self, message: aiohttp.WSMessage) -> ConnectionLost:
        self._hung_up = message.type is aiohttp.WSMsgType.CLOSE
        if self._hung_up:
            return ConnectionLost(int(message.data), message.extra or "")
        if message.type is aiohttp.WSMsgType.BINARY:
            return ConnectionLost(_ABNORMAL, "the server sent a binary frame")
        return ConnectionLost(self._socket.close_code or _ABNORMAL, str(self._socket.exception() or ""))

    def _route(self, envelope: Envelope) -> None:
        if envelope.type == "event":
            self._take_event(envelope)
        elif envelope.correlation_id in self._pending:
            self._resolve(self._pending[envelope.correlation_id], envelope)
        elif envelope.correlation_id in self._given_up:
            self._given_up.discard(envelope.correlation_id)
        elif envelope.type == "error":
            self.last_error = envelope.error_code
            self._blame(envelope)

    def _blame(self, error: Envelope) -> None:
        """Who could not read a message cannot name it; it was the request in flight, if that is the only one."""
        if error.error_code == _UNREAD and len(self._pending) == 1 and not self._given_up:
            (only,) = self._pending.values()
            self._resolve(only, error)

    def _take_event(self, envelope: Envelope) -> None:
        if envelope.event == _WELCOME and envelope.room is None and not self._welcome.done():
            self._welcome.set_result(envelope.data or {})
        else:
            self._on_event(Event.of(envelope))

    def _resolve(self, pending: _Pending, envelope: Envelope) -> None:
        if pending.answer.done():
            return
        try:
            if pending.on_answer is not None and envelope.type != "error":
                pending.on_answer(envelope.data or {})
        except MalformedAnswer as malformed:
            pending.answer.set_result(malformed)
        else:
            pending.answer.set_result(envelope)

    def _finish(self, lost: ConnectionLost) -> None:
        self._on_close()
        self.closed.set_result(lost)
        if not self._welcome.done():
            self._welcome.set_result(lost)
        waiting = [pending for pending in self._pending.values() if not pending.answer.done()]
        blamed = self._too_large(waiting) if lost.code == _TOO_BIG else waiting
        for pending in waiting:
            pending.answer.set_result(lost if pending in blamed else ConnectionLost(_ABNORMAL, "for another request"))

    def _too_large(self, waiting: list[_Pending]) -> list[_Pending]:
        """Who ended the connection for all: the largest of those in flight; with an answer, only one that is alone."""
        if self._given_up or (len(waiting) > 1 and not self._hung_up):
            return []
        return [max(waiting, key=lambda pending: len(pending.text.encode()))] if waiting else []
