"""One WebSocket: carries what arrives to its session, and what the session and the hub say to the wire."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import WSMessage, WSMsgType

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.catchup import Catchup
from bodhisattva.servers.core.connections.requests import Requests
from bodhisattva.servers.core.connections.session import (
    Close,
    Now,
    Output,
    Ping,
    Pong,
    Reply,
    Request,
    Revoke,
    Session,
)
from bodhisattva.servers.core.connections.session_settings import SessionSettings
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.engine.hub import Hub
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.errors import ErrorCode
from bodhisattva.servers.core.log.base import LogError
from bodhisattva.servers.core.telemetry.logs import LONGEST
from bodhisattva.servers.core.telemetry.metrics import Metrics
from bodhisattva.servers.core.transport import frames
from bodhisattva.servers.core.transport.delivery import Delivery
from bodhisattva.servers.core.transport.frames import ABNORMAL, PROTOCOL_ERROR
from bodhisattva.servers.core.transport.outbox import Outbox, Turn
from bodhisattva.servers.core.transport.websocket import WebSocket

if TYPE_CHECKING:
    from bodhisattva.servers.core.telemetry.tracing import Span, Tracing

INTERNAL_ERROR = 1011
SLOW_CONSUMER = 4008
# What the peer's close frame said, where it may not be sent back: no code at all, and one that is never sent.
_UNSENDABLE = {0: 1000, ABNORMAL: PROTOCOL_ERROR}


def now() -> Now:
    return Now(time.monotonic(), time.time())


class Connection:
    """A connection from upgrade to its end; the hub's Receiver and the requests' Caller.

    due: monotonic seconds, when it is to be told again that a moment has passed. placed: whether it counts towards the
    limits. free: gives back its place, called before the peer can know of the end and come again. forget: it is over.
    """

    __slots__ = (
        "__weakref__", "_catching_up", "_closer", "_concluding", "_engine", "_forget", "_free", "_hub", "_idle",
        "_in_flight", "_metrics", "_ping", "_policy", "_requests", "_spans", "_tasks", "_websocket", "address",
        "connection_id", "due", "outbox", "placed", "push", "session",
    )  # fmt: skip

    def __init__(
        self,
        websocket: WebSocket,
        address: str,
        *,
        secure: bool,
        policy: SessionSettings,
        requests: Requests,
        engine: Engine,
        hub: Hub,
        metrics: Metrics,
        turn: Turn,
        free: Callable[["Connection"], None],
        forget: Callable[["Connection"], None],
    ) -> None:
        self.connection_id = envelope.fresh_id()
        self.address = address
        self.due = 0.0
        self.placed = False
        self._ping: Delivery | None = None
        self.session = Session(policy, self.connection_id, now(), secure=secure)
        self._policy = policy
        self._websocket = websocket
        self.outbox = Outbox(websocket.transport, turn, self._too_slow, compresses=websocket.deflates)
        self.push = self.outbox.push
        self._requests = requests
        self._engine = engine
        self._hub = hub
        self._metrics = metrics
        self._free = free
        self._forget = forget
        self._tasks: set[asyncio.Task[None]] = set()
        self._catching_up: dict[str, asyncio.Task[None]] = {}
        self._in_flight: dict[int, float] = {}
        self._spans: dict[int, Span] | None = None if engine.tracing is None else {}
        self._idle: asyncio.Event | None = None
        self._concluding = False
        self._closer: asyncio.Task[None] | None = None

    @property
    def _logger(self) -> Any:
        """Made when there is something to say: most connections never have any."""
        return structlog.get_logger(service=self._policy.service.name, connection_id=self.connection_id)

    @property
    def channels(self) -> set[str]:
        return self.session.channels

    @property
    def closing(self) -> bool:
        return self._concluding or self._closer is not None

    @property
    def identity(self) -> Identity | None:
        return self.session.identity

    @property
    def user_id(self) -> str:
        return self.identity.user_id if self.identity else ""

    def open(self, identity: Identity | None, early: bytes) -> None:
        """Serve from now on. early: what came together with the upgrade."""
        if self._policy.verbose:
            self._logger.debug("connection opened", address=self.address)
        self._hub.add(self)
        self._websocket.start(self)
        self._perform(self.session.open(identity))
        self._websocket.take(early)

    def turn_away(self, code: int, reason: str) -> None:
        """Serve nothing, and say why."""
        self._websocket.start(self)
        self.begin_close(code, reason)

    def heard(self) -> None:
        """Bytes came: what they ask for is answered in one write."""
        self.due = 0.0
        self.session.heard()
        self.outbox.hold()

    def receive(self, message: WSMessage) -> None:
        try:
            if message.type is WSMsgType.TEXT:
                outputs = self.session.receive_text(message.data, now())
                self._metrics.received(self.session.received_type)
            else:
                outputs = self._receive_other(message)
            self._perform(outputs)
        except Exception as error:  # noqa: BLE001 - logged, and the peer is told
            self._fail(error)

    def settle(self) -> None:
        self.outbox.flush()

    def behind(self, is_behind: bool) -> None:
        if is_behind:
            self.due = 0.0
            self.outbox.pause()
        else:
            self.outbox.resume()

    def ended(self, code: int) -> None:
        """The peer has said its last word: there is nobody any more to serve."""
        self._free(self)
        self.begin_close(_UNSENDABLE.get(code, code), "")
        self._release()

    def broke(self, code: int) -> None:
        self.conclude(code, "")

    def lost(self) -> None:
        self.session.end()
        self._release()
        self._free(self)
        self._forget(self)

    def notify(self, event: bytes) -> None:
        """Send a notice, unless the welcome is still to come (protocol 2.4)."""
        if self.session.identity is not None:
            self._send(event, "event")

    def tick(self, instant: Now) -> None:
        """A moment has passed: timeouts and the age of the unsent are judged here."""
        if self._ping is not None:
            self._follow_ping(self._ping, instant)
        try:
            if outputs := self.session.tick(instant):
                self._perform(outputs)
        except Exception as error:  # noqa: BLE001 - logged, and no other connection's concern
            self._fail(error)
        if not self.outbox.is_behind:
            self.due = 0.0 if self._ping is not None else self.session.due(instant)
        elif self.outbox.age(instant.monotonic) > self._policy.limits.queue_age:
            self._too_slow()

    def answer(self, message: Incoming, outcome: Outcome) -> None:
        started = self._in_flight.pop(id(message), None)
        if started is not None:
            duration = time.perf_counter() - started
            self._metrics.message_duration.observe(duration)
            if self._policy.verbose:
                self._tell(message, outcome, duration)
            if self._spans:
                self._spans.pop(id(message)).end(outcome.code.value if outcome.code else None)
        if outcome.code is None:
            self._send(envelope.response(message, outcome.data), "response")
        else:
            error = envelope.error(message, outcome.code, outcome.message, outcome.data)
            self._send(error, "error", outcome.code)
        if not self._in_flight:
            self._rest()

    def _tell(self, message: Incoming, outcome: Outcome, duration: float) -> None:
        """Names, ids and numbers; neither data nor anything else that could be a secret."""
        self._logger.debug(
            "request answered",
            request=(message.name or "")[:LONGEST],
            request_id=(message.id or "")[:LONGEST],
            user_id=self.user_id,
            outcome=outcome.code.value if outcome.code else "OK",
            milliseconds=round(duration * 1000, 3),
        )

    def _rest(self) -> None:
        if self._idle is not None:
            self._idle.set()

    def follow(self, channel: str, after: int | None) -> None:
        """Receive the channel's events: live ones at once, or first those of the log after an offset."""
        if self.closing:
            return
        self.unfollow(channel)
        self.channels.add(channel)
        if after is None or after >= self._engine.offset(channel):
            self._hub.subscribe(channel, self)
        else:
            catchup = Catchup(self._engine, self.outbox, self._policy.limits.queue_bytes)
            self._catching_up[channel] = self._spawn(self._catch_up(channel, after, catchup))

    def unfollow(self, channel: str) -> None:
        self.channels.discard(channel)
        self._hub.unsubscribe(channel, self)
        self.outbox.forget(channel)
        if (task := self._catching_up.pop(channel, None)) is not None:
            task.cancel()

    async def finish(self, code: int, reason: str) -> None:
        """Begin to close as soon as every request that arrived is answered."""
        await self._answered()
        self.begin_close(code, reason)

    async def _answered(self) -> None:
        while self._in_flight:
            self._idle = self._idle or asyncio.Event()
            self._idle.clear()
            await self._idle.wait()

    def conclude(self, code: int, reason: str, last: Reply | None = None) -> None:
        """Take and tell nothing more, answer what was asked before (protocol 1), say `last`, and close.

        It waits no longer than a drain would, for a log that may never answer.
        """
        if self.closing:
            return
        self.session.end()
        if not self._in_flight:
            self._close_with(code, reason, last)
            return
        self._concluding = True
        self._leave()
        self.outbox.flush()
        self._free_unless_behind()
        self._spawn(self._close_answered(code, reason, last))

    async def _close_answered(self, code: int, reason: str, last: Reply | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._policy.timeouts.drain):
                await self._answered()
        self._close_with(code, reason, last)

    def _close_with(self, code: int, reason: str, last: Reply | None) -> None:
        if last is not None:
            self._send(last.payload, last.kind, last.error)
        self.begin_close(code, reason)

    def begin_close(self, code: int, reason: str) -> "asyncio.Task[None]":
        """Send what is due and then a close frame; nothing is taken or sent after it."""
        if self._closer is None:
            self.session.end()
            self.outbox.flush()
            self.outbox.close()
        if self._closer is None:  # or else what was due was too much, and has begun to close
            self._closer = asyncio.get_running_loop().create_task(self._close(code, reason))
        return self._closer

    def abort(self) -> None:
        self.session.end()
        self.outbox.close()
        self._websocket.transport.abort()

    async def _close(self, code: int, reason: str) -> None:
        """The closing handshake; who does not take part, or does not take what is due, is cut off.

        A slow consumer reaches its close frame only behind all that it has not read yet.
        """
        self._release()
        self._free_unless_behind()
        patience = self._policy.limits.queue_age if code == SLOW_CONSUMER else 0.0
        ended = await self._websocket.end(code, reason, patience)
        self._free(self)
        if not (ended and await self._websocket.leave()):
            self._logger.info("peer did not finish the closing handshake", code=code)
            self._websocket.transport.abort()

    def _receive_other(self, message: WSMessage) -> list[Output]:
        if message.type is WSMsgType.PING:
            return self.session.receive_ping(message.data, now())
        if message.type is WSMsgType.PONG:
            return self.session.receive_pong(now())
        return self.session.receive_binary() if message.type is WSMsgType.BINARY else []

    def _perform(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Reply(payload, kind, error):
                    self._send(payload, kind, error)
                case Request():
                    self._handle(output)
                case Revoke(channel):
                    self.unfollow(channel)
                case Ping():
                    self._send_ping()
                case Pong(payload):
                    self.push(frames.pong(payload))
                case Close():
                    self._shut(output)

    def _send_ping(self) -> None:
        ping = frames.ping()
        self.push(ping)
        delivery = Delivery(self.outbox)
        if self._ping is None and delivery.waits_behind(len(ping)):
            self._ping = delivery

    def _follow_ping(self, ping: Delivery, instant: Now) -> None:
        if ping.advances():
            self.session.delayed(instant)
        if ping.done:
            self._ping = None

    def _handle(self, request: Request) -> None:
        tracing = self._engine.tracing
        if tracing is None:
            self._begin(request)
        else:
            self._handle_traced(request, tracing)

    def _begin(self, request: Request) -> None:
        self._in_flight[id(request.message)] = time.perf_counter()
        work = self._requests.handle(self, request)
        if work is not None:
            self._spawn(work)

    def _handle_traced(self, request: Request, tracing: "Tracing") -> None:
        """The same, as part of a trace, until it is answered."""
        message = request.message
        about = {"user.id": self.user_id, "bodhisattva.connection_id": self.connection_id}
        about["bodhisattva.request_id"] = (message.id or "")[:LONGEST]
        span = tracing.request(self._requests.known(message), about, message.traceparent)
        if self._spans is not None:
            self._spans[id(message)] = span
        with span.active():
            self._begin(request)

    def _send(self, payload: bytes, kind: str, error: ErrorCode | None = None) -> None:
        self._metrics.sent(kind)
        if error is not None:
            self._metrics.error(error.value)
        self.push(frames.text(payload))

    def _shut(self, close: Close) -> None:
        if close.code == ABNORMAL:
            self._logger.info("connection lost", reason=close.reason)
            self.abort()
        else:
            self.conclude(close.code, close.reason, close.last)

    def _too_slow(self) -> None:
        if self._closer is None:
            self._metrics.slow_consumers.inc()
            self._logger.warning("slow consumer closed")
            self.begin_close(SLOW_CONSUMER, "Slow consumer")

    async def _catch_up(self, channel: str, after: int, catchup: Catchup) -> None:
        """Send what was missed and then listen, unless the peer has changed its mind.

        That its task is cancelled does not always end it: on Python 3.11 a time limit inside, such as redis-py's, can
        swallow that.
        """
        task = asyncio.current_task()
        async for frame in catchup.frames(channel, after):
            if self.closing or self._catching_up.get(channel) is not task:
                return
            self.push(frame)
            self._metrics.replayed.inc()
        if self._catching_up.get(channel) is task:
            del self._catching_up[channel]
            self._hub.subscribe(channel, self)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[None]") -> None:
        """What could not be finished is not passed over: the client has to come again."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, LogError):
            self._tell_of_log(error)
        elif not isinstance(error, ConnectionError):
            self._logger.error("connection failed", exc_info=error)
        self.conclude(INTERNAL_ERROR, "Internal error")

    def _tell_of_log(self, error: LogError) -> None:
        """Of a log that cannot be read there is a line already, whoever else waits for it."""
        if self._engine.reading.works:
            self._logger.warning("catching up failed", reason=str(error))

    def _free_unless_behind(self) -> None:
        """Give the place back (protocol 2.5), unless output still waits that only the number of places bounds."""
        if not self.outbox.unsent:
            self._free(self)

    def _leave(self) -> None:
        """Be on no channel any more; once or more."""
        if self._policy.verbose and self._hub.connected(self.connection_id):
            self._logger.debug("connection closed", user_id=self.user_id)
        for channel in list(self.channels):
            self.unfollow(channel)
        self._hub.gone(self)

    def _release(self) -> None:
        """Let go of all that it holds; once or more."""
        self._leave()
        self.outbox.close()
        self._in_flight.clear()
        while self._spans:
            self._spans.popitem()[1].end("cancelled")
        self._rest()
        for task in self._tasks:
            task.cancel()
