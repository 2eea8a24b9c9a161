"""A WebSocket server that plays one script per connection: a service under a test's control."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import aiohttp
import msgspec
from aiohttp import web

EPOCH = "e1"
_PATIENCE = 5.0


class Peer:
    """The server's end of one connection; `received` keeps every message, in order."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.received: list[dict[str, Any]] = []
        self.connected_at = asyncio.get_running_loop().time()
        self._news = asyncio.Event()
        self._socket = socket
        self._request = request

    @property
    def headers(self) -> dict[str, str]:
        return dict(self._request.headers)

    async def expect(self, name: str, **data: Any) -> dict[str, Any]:
        """The next message, which must be the request `name` with at least this data."""
        async with asyncio.timeout(_PATIENCE):
            message = await self._socket.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, f"expected {name}, got {message.type!r}"
        request: dict[str, Any] = msgspec.json.decode(message.data)
        self.received.append(request)
        self._news.set()
        assert (request["type"], request["event"]) == ("request", name)
        assert request["data"] == request["data"] | data
        return request

    async def until(self, name: str) -> None:
        """Wait until the newest message is the request `name`."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while not self.received or self.received[-1]["event"] != name:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {name} came, but {self.received}") from None

    async def greet(self) -> None:
        """Take any token and send the welcome."""
        await self.answer(await self.expect("auth"), status="authenticated", user_id="u")
        await self.welcome()

    async def welcome(self) -> None:
        await self.event("session.created", {"connection_id": uuid4().hex, "server": "scripted"})

    async def subscribed(self, channel: str, offset: int, *, epoch: str = EPOCH, **more: Any) -> dict[str, Any]:
        """Expect `subscribe` to a persisted channel and confirm it; the request's data."""
        request = await self.expect("subscribe", channel=channel)
        await self.answer(request, status="subscribed", channel=channel, epoch=epoch, offset=offset, **more)
        data: dict[str, Any] = request["data"]
        return data

    async def answer(self, request: dict[str, Any], **data: Any) -> None:
        await self._send("response", event=request["event"], correlation_id=request["id"], data=data)

    async def error(self, request: dict[str, Any] | None, code: str, **data: Any) -> None:
        request = request or {"event": None, "id": None}
        await self._send(
            "error",
            event=request["event"],
            correlation_id=request["id"],
            data=data,
            error_code=code,
            error_message=f"because of {code}",
        )

    async def event(self, name: str, data: dict[str, Any], room: str | None = None, **more: Any) -> None:
        await self._send("event", event=name, data=data, room=room, **more)

    async def numbered(self, channel: str, *offsets: int, epoch: str = EPOCH) -> None:
        """Events of a persisted channel, each with its offset as its data too."""
        for offset in offsets:
            await self.event("happened", {"n": offset}, channel, offset=offset, epoch=epoch)

    async def text(self, frame: str) -> None:
        await self._socket.send_str(frame)

    async def close(self, code: int, reason: str = "") -> None:
        await self._socket.close(code=code, message=reason.encode())

    def abort(self) -> None:
        """End the TCP connection with a reset, without a close frame."""
        assert self._request.transport is not None
        self._request.transport.abort()

    def stop_reading(self) -> None:
        """Answer nothing any more, pings included, and leave the connection open."""
        assert isinstance(self._request.transport, asyncio.Transport)
        self._request.transport.pause_reading()

    async def receives_nothing(self, seconds: float) -> None:
        """For this long, no message may come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                raise AssertionError(f"unexpected: {await self._socket.receive()}")

    async def closed_by_client(self) -> None:
        """Wait for the client's end; any further message would be one that no script foresaw."""
        message = await self._socket.receive()
        assert message.type is not aiohttp.WSMsgType.TEXT, f"unexpected: {message.data}"

    async def _send(self, kind: str, **keys: Any) -> None:
        envelope = {"type": kind, "id": uuid4().hex, "timestamp": "2026-01-01T00:00:00+00:00"} | keys
        await self._socket.send_str(msgspec.json.encode(envelope).decode())


Script = Callable[[Peer], Awaitable[None]]


class ScriptedServer:
    """Plays the first script to the first connection and so on; a connection too many fails the test.

    A script that returns leaves its connection open until the client ends it. Its failed asserts are raised
    on leaving the context.
    """

    def __init__(self, *scripts: Script, tls: Any = None) -> None:
        self.peers: list[Peer] = []
        self.url = ""
        self._scripts = list(scripts)
        self._tls = tls
        self._failures: list[BaseException] = []
        application = web.Application()
        application.router.add_get("/ws", self._serve)
        self._runner = web.AppRunner(application, shutdown_timeout=1.0)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"wss://localhost:{port}/ws" if self._tls else f"ws://127.0.0.1:{port}/ws"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        if self._failures:
            raise self._failures[0]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        peer = Peer(socket, request)
        self.peers.append(peer)
        try:
            assert len(self.peers) <= len(self._scripts), "the client connected once more than the test foresaw"
            await self._scripts[len(self.peers) - 1](peer)
            await peer.closed_by_client()
        except (AssertionError, TimeoutError) as failure:
            self._failures.append(failure)
        return socket
