"""One WebSocket: carries what arrives to its session, and what the session and the hub say to the wire."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import structlog
from aiohttp import WSMessage, WSMsgType, web

from bodhisattva.servers.core import envelope, frames
from bodhisattva.servers.core.deduplication import Outcome
from bodhisattva.servers.core.engine import Engine
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.hub import Hub, numbered
from bodhisattva.servers.core.log.base import LogError
from bodhisattva.servers.core.metrics import Metrics
from bodhisattva.servers.core.outbox import Outbox
from bodhisattva.servers.core.requests import Requests
from bodhisattva.servers.core.session import (
    ABNORMAL,
    Close,
    Now,
    Output,
    Ping,
    Policy,
    Reply,
    Request,
    Session,
)
from bodhisattva.servers.core.tokens import Identity

SLOW_CONSUMER = 4008
INTERNAL_ERROR = 1011
CLOSE_TIMEOUT = 2.0
_CHUNK = 200
_HIGH_WATER = 256 * 1024


def now() -> Now:
    return Now(time.monotonic(), time.time())


class Connection:
    """A connection from upgrade to its end; the hub's Receiver and the requests' Caller."""

    def __init__(
        self,
        websocket: web.WebSocketResponse,
        request: web.Request,
        *,
        policy: Policy,
        requests: Requests,
        engine: Engine,
        hub: Hub,
        metrics: Metrics,
    ) -> None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the peer is gone")
        self.connection_id = envelope.fresh_id()
        self.session = Session(policy, self.connection_id, now())
        self._websocket = websocket
        self._transport = transport
        self._drain = request.protocol._drain_helper  # aiohttp has no public wait for room in the transport
        self._limits = policy.limits
        self._outbox = Outbox(transport, policy.limits, self._too_slow)
        self._requests = requests
        self._engine = engine
        self._hub = hub
        self._metrics = metrics
        self._tasks: set[asyncio.Task[None]] = set()
        self._catching_up: dict[str, asyncio.Task[None]] = {}
        self._in_flight: dict[int, float] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._closer: asyncio.Task[None] | None = None
        self._logger = structlog.get_logger(service=policy.service.name, connection_id=self.connection_id)

    @property
    def channels(self) -> set[str]:
        return self.session.channels

    @property
    def user_id(self) -> str:
        return self.session.identity.user_id if self.session.identity else ""

    async def run(self, identity: Identity | None) -> None:
        """Serve until the socket ends; frees everything it held."""
        self._hub.add(self)
        try:
            self._perform(self.session.open(identity))
            async for message in self._websocket:
                self._receive(message)
        finally:
            await self._release()

    def push(self, frame: bytes) -> None:
        self._outbox.push(frame)

    def tick(self) -> None:
        """A moment has passed: timeouts and the age of the unsent are judged here."""
        instant = now()
        self._perform(self.session.tick(instant))
        if self._outbox.age(instant.monotonic) > self._limits.queue_age:
            self._outbox.close()
            self._too_slow()

    def answer(self, message: Incoming, outcome: Outcome) -> None:
        started = self._in_flight.pop(id(message), None)
        if started is not None:
            self._metrics.message_duration.observe(time.perf_counter() - started)
        if outcome.code is None:
            self._reply(Reply(envelope.response(message, outcome.data), "response"))
        else:
            error = envelope.error(message, outcome.code, outcome.message, outcome.data)
            self._reply(Reply(error, "error", outcome.code))
        if not self._in_flight:
            self._idle.set()

    def follow(self, channel: str, after: int | None) -> None:
        """Receive the channel's events: live ones at once, or first those of the log after an offset."""
        self.unfollow(channel)
        if after is None or after >= self._engine.offset(channel):
            self._hub.subscribe(channel, self)
        else:
            self._catching_up[channel] = self._spawn(self._catch_up(channel, after))

    def unfollow(self, channel: str) -> None:
        self._hub.unsubscribe(channel, self)
        if (task := self._catching_up.pop(channel, None)) is not None:
            task.cancel()

    async def finish_requests(self) -> None:
        """Wait until every request that arrived is answered."""
        await self._idle.wait()

    async def close(self, code: int, reason: str) -> None:
        """Send what is due, close, and cut the line if the peer does not answer in time."""
        await asyncio.wait({self._begin_close(code, reason)})

    def _begin_close(self, code: int, reason: str) -> "asyncio.Task[None]":
        if self._closer is None:
            self._closer = asyncio.get_running_loop().create_task(self._close(code, reason))
        return self._closer

    async def _close(self, code: int, reason: str) -> None:
        self._outbox.flush()
        self._outbox.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._websocket.close(code=code, message=reason.encode())
        except (TimeoutError, ConnectionError):
            self._logger.info("peer did not finish the closing handshake", code=code)
            self._transport.abort()

    def abort(self) -> None:
        self._outbox.close()
        self._transport.abort()

    def _receive(self, message: WSMessage) -> None:
        if message.type is WSMsgType.TEXT:
            outputs = self.session.receive_text(message.data, now())
            self._metrics.received(self.session.received_type)
            self._perform(outputs)
        elif message.type is WSMsgType.PING:
            self.session.receive_control()
            self.push(frames.pong(message.data))
        elif message.type is WSMsgType.PONG:
            self.session.receive_control()
        elif message.type is WSMsgType.BINARY:
            self._perform(self.session.receive_binary())

    def _perform(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Reply):
                self._reply(output)
            elif isinstance(output, Request):
                self._handle(output)
            elif isinstance(output, Ping):
                self.push(frames.ping())
            else:
                self._shut(output)

    def _handle(self, request: Request) -> None:
        self._in_flight[id(request.message)] = time.perf_counter()
        self._idle.clear()
        work = self._requests.handle(self, request)
        if work is not None:
            self._spawn(work)

    def _reply(self, reply: Reply) -> None:
        self._metrics.sent(reply.kind)
        if reply.error is not None:
            self._metrics.error(reply.error.value)
        self.push(frames.text(reply.payload))

    def _shut(self, close: Close) -> None:
        if close.code == ABNORMAL:
            self._logger.info("connection lost", reason=close.reason)
            self.abort()
        else:
            self._begin_close(close.code, close.reason)

    def _too_slow(self) -> None:
        self._metrics.slow_consumers.inc()
        self._logger.warning("slow consumer closed")
        self._begin_close(SLOW_CONSUMER, "Slow consumer")

    async def _catch_up(self, channel: str, after: int) -> None:
        """Send the log's events until none is missing, then go live in the same loop turn: no gap, no duplicate."""
        position = after
        try:
            while position < self._engine.offset(channel):
                for offset, event in await self._engine.log.read(channel, position, _CHUNK):
                    if offset > self._engine.offset(channel):
                        break
                    self.push(numbered(event, channel, offset, self._engine.log.epoch))
                    self._metrics.replayed.inc()
                    position = offset
                    if self._outbox.size > _HIGH_WATER:
                        self._outbox.flush()
                        await self._drain()
        except (LogError, ConnectionError):
            self._shut(Close(INTERNAL_ERROR, "The log cannot be read"))
            return
        self._catching_up.pop(channel, None)
        self._hub.subscribe(channel, self)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _release(self) -> None:
        self._hub.gone(self, self.channels)
        self._outbox.close()
        self._idle.set()
        unfinished = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        if self._closer is not None:
            await asyncio.wait({self._closer})
