"""One WebSocket connection: its messages go to its session; answers and events go to its outbox."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import WSMessage, WSMsgType

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.in_flight import InFlight
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
from bodhisattva.servers.core.delivery.acknowledgement import PendingAck
from bodhisattva.servers.core.delivery.catch_up import CatchUp
from bodhisattva.servers.core.delivery.hub import Hub
from bodhisattva.servers.core.delivery.outbox import Outbox
from bodhisattva.servers.core.delivery.write_batch import WriteBatch
from bodhisattva.servers.core.engine.deduplication import Outcome
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.errors import ErrorCode
from bodhisattva.servers.core.log.base import LogError
from bodhisattva.servers.core.telemetry.logs import LONGEST
from bodhisattva.servers.core.telemetry.metrics import Metrics
from bodhisattva.servers.core.transport import frames
from bodhisattva.servers.core.transport.frames import ABNORMAL, PROTOCOL_ERROR
from bodhisattva.servers.core.transport.lifecycle import CLOSING, DRAINING, OPEN
from bodhisattva.servers.core.transport.websocket import WebSocket

if TYPE_CHECKING:
    from bodhisattva.servers.core.telemetry.tracing import Tracing

INTERNAL_ERROR = 1011
SLOW_CONSUMER = 4008
# Close codes of the peer that may not be sent back: no code at all, and one that is never sent.
_UNSENDABLE = {0: 1000, ABNORMAL: PROTOCOL_ERROR}


def now() -> Now:
    return Now(time.monotonic(), time.time())


class Connection:
    """A connection from upgrade to its end; the WebSocket's Owner, the hub's Receiver and the requests' Caller.

    lifecycle: its state. due: monotonic seconds of its next tick. placed: whether it counts towards the limits.
    free: gives back its place, called before the peer can know of the end and come again. forget: its socket is closed.
    """

    __slots__ = (
        "__weakref__", "_catching_up", "_closer", "_engine", "_forget", "_free", "_hub", "_in_flight", "_lifecycle",
        "_metrics", "_ping", "_requests", "_settings", "_tasks", "_websocket", "address", "connection_id", "due",
        "outbox", "placed", "push", "session",
    )  # fmt: skip

    def __init__(
        self,
        websocket: WebSocket,
        address: str,
        *,
        secure: bool,
        settings: SessionSettings,
        requests: Requests,
        engine: Engine,
        hub: Hub,
        metrics: Metrics,
        batch: WriteBatch,
        free: Callable[["Connection"], None],
        forget: Callable[["Connection"], None],
    ) -> None:
        self.connection_id = envelope.fresh_id()
        self.address = address
        self.due = 0.0
        self.placed = False
        self._ping: PendingAck | None = None
        self._settings = settings
        self._websocket = websocket
        self._lifecycle = websocket.lifecycle
        self.session = Session(settings, self._lifecycle, self.connection_id, now(), secure=secure)
        transport, deflates = websocket.transport, websocket.deflates
        self.outbox = Outbox(transport, self._lifecycle, batch, self._too_slow, compresses=deflates)
        self.push = self.outbox.push
        self._requests = requests
        self._engine = engine
        self._hub = hub
        self._metrics = metrics
        self._free = free
        self._forget = forget
        self._tasks: set[asyncio.Task[None]] = set()
        self._catching_up: dict[str, asyncio.Task[None]] = {}
        self._in_flight = InFlight()
        self._closer: asyncio.Task[None] | None = None

    @property
    def _logger(self) -> Any:
        """Made when it is needed: most connections log nothing."""
        return structlog.get_logger(service=self._settings.service.name, connection_id=self.connection_id)

    @property
    def channels(self) -> set[str]:
        return self.session.channels

    @property
    def closing(self) -> bool:
        """Whether the connection is past being open."""
        return self._lifecycle.state > OPEN

    @property
    def identity(self) -> Identity | None:
        return self.session.identity

    @property
    def user_id(self) -> str:
        return self.identity.user_id if self.identity else ""

    # What the server and its registry call

    def open(self, identity: Identity | None, early: bytes) -> None:
        """Serve from now on. early: what came together with the upgrade."""
        if self._settings.verbose:
            self._logger.debug("connection opened", address=self.address)
        self._hub.add(self)
        self._lifecycle.enter(OPEN)
        self._websocket.start(self)
        self._perform(self.session.open(identity))
        self._websocket.take(early)

    def reject(self, code: int, reason: str) -> None:
        """Serve nothing, and close."""
        self._websocket.start(self)
        self.close(code, reason)

    def notify(self, event: bytes) -> None:
        """Send a notice, unless the welcome is still to come (protocol 2.4)."""
        if self.session.identity is not None:
            self._send(event, "event")

    def tick(self, instant: Now) -> None:
        """Time has passed: timeouts, and the age of unsent output."""
        if self._ping is not None:
            self._track_ping(self._ping, instant)
        try:
            if outputs := self.session.tick(instant):
                self._perform(outputs)
        except Exception as error:  # noqa: BLE001 - logged, and no other connection's concern
            self._fail(error)
        if not self.outbox.is_behind:
            self.due = 0.0 if self._ping is not None else self.session.due(instant)
        elif self.outbox.age(instant.monotonic) > self._settings.limits.queue_age:
            self._too_slow()

    async def close_when_idle(self, code: int, reason: str) -> None:
        """Close as soon as no request is in flight; requests are taken until then."""
        await self._in_flight.drained()
        self.close(code, reason)

    def drain(self, code: int, reason: str, last: Reply | None = None) -> None:
        """Receive nothing more, answer what was requested before (protocol 1), send `last`, and close.

        It waits no longer than a drain of the server would, for a log that may never answer.
        """
        if self.closing:
            return
        self._lifecycle.enter(DRAINING)
        if not self._in_flight:
            self._close_after(last, code, reason)
            return
        self._leave_channels()
        self.outbox.flush()
        self._free_unless_behind()
        self._spawn(self._close_when_answered(last, code, reason))

    def close(self, code: int, reason: str) -> "asyncio.Task[None]":
        """Send what is due and then a close frame; nothing is received or sent after it.

        The task ends with the closing handshake.
        """
        if self._lifecycle.sends:
            self.outbox.flush()
        if self._lifecycle.sends:  # or else what was due was too much, and has closed it
            self._end_output()
        if self._closer is None:
            self._closer = asyncio.get_running_loop().create_task(self._close(code, reason))
        return self._closer

    def abort(self) -> None:
        """Close the socket at once, with all that is due."""
        if self._lifecycle.sends:
            self._end_output()
        self._websocket.transport.abort()

    # What the WebSocket calls

    def data_received(self) -> None:
        """The answers to what came together leave in one write."""
        self.due = 0.0
        self.session.data_received()
        self.outbox.hold()

    def message_received(self, message: WSMessage) -> None:
        try:
            if message.type is WSMsgType.TEXT:
                outputs = self.session.receive_text(message.data, now())
                self._metrics.received(self.session.received_type)
            else:
                outputs = self._receive_other(message)
            self._perform(outputs)
        except Exception as error:  # noqa: BLE001 - logged, and the peer gets a close code
            self._fail(error)

    def batch_end(self) -> None:
        self.outbox.flush()

    def writable_changed(self, is_writable: bool) -> None:
        if is_writable:
            self.outbox.resume()
        else:
            self.due = 0.0
            self.outbox.pause()

    def peer_closed(self, code: int) -> None:
        """The peer has closed its side: requests in flight are given up."""
        self._free(self)
        self.close(_UNSENDABLE.get(code, code), "")
        self._release()

    def protocol_error(self, code: int) -> None:
        self.drain(code, "")

    def connection_lost(self) -> None:
        self._release()
        self._free(self)
        self._forget(self)

    # What requests call

    def answer(self, message: Incoming, outcome: Outcome) -> None:
        code = outcome.code.value if outcome.code else None
        duration = self._in_flight.end(message, code)
        if duration is not None:
            self._metrics.message_duration.observe(duration)
            if self._settings.verbose:
                self._log_answer(message, code or "OK", duration)
        if outcome.code is None:
            self._send(envelope.response(message, outcome.data), "response")
        else:
            error = envelope.error(message, outcome.code, outcome.message, outcome.data)
            self._send(error, "error", outcome.code)
        self._in_flight.wake()

    def subscribe(self, channel: str, after: int | None) -> None:
        """Receive the channel's events: live ones at once, or first those of the log after an offset."""
        if self.closing:
            return
        self.unsubscribe(channel)
        self.channels.add(channel)
        if after is None or after >= self._engine.offset(channel):
            self._hub.subscribe(channel, self)
        else:
            catch_up = CatchUp(self._engine, self.outbox, self._settings.limits.queue_bytes)
            self._catching_up[channel] = self._spawn(self._catch_up(channel, after, catch_up))

    def unsubscribe(self, channel: str) -> None:
        self.channels.discard(channel)
        self._hub.unsubscribe(channel, self)
        self.outbox.drop_coalesced(channel)
        if (task := self._catching_up.pop(channel, None)) is not None:
            task.cancel()

    def _log_answer(self, message: Incoming, outcome: str, duration: float) -> None:
        """Names, ids and numbers; neither data nor anything else that could be a secret."""
        self._logger.debug(
            "request answered",
            request=(message.name or "")[:LONGEST],
            request_id=(message.id or "")[:LONGEST],
            user_id=self.user_id,
            outcome=outcome,
            milliseconds=round(duration * 1000, 3),
        )

    async def _close_when_answered(self, last: Reply | None, code: int, reason: str) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.timeouts.drain):
                await self._in_flight.drained()
        self._close_after(last, code, reason)

    def _close_after(self, last: Reply | None, code: int, reason: str) -> None:
        if last is not None:
            self._send(last.payload, last.kind, last.error)
        self.close(code, reason)

    def _end_output(self) -> None:
        self._lifecycle.enter(CLOSING)
        self.outbox.discard()

    async def _close(self, code: int, reason: str) -> None:
        """The closing handshake; a peer that takes no part in it, or does not read what is due, is aborted.

        A slow consumer reaches its close frame only behind all that it has not read yet.
        """
        self._release()
        self._free_unless_behind()
        patience = self._settings.limits.queue_age if code == SLOW_CONSUMER else 0.0
        answered = await self._websocket.close_handshake(code, reason, patience)
        self._free(self)
        if not (answered and await self._websocket.close_transport()):
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
                    self.unsubscribe(channel)
                case Ping():
                    self._send_ping()
                case Pong(payload):
                    self.push(frames.pong(payload))
                case Close():
                    self._perform_close(output)

    def _perform_close(self, close: Close) -> None:
        if close.code == ABNORMAL:
            self._logger.info("connection lost", reason=close.reason)
            self.abort()
        else:
            self.drain(close.code, close.reason, close.last)

    def _send_ping(self) -> None:
        ping = frames.ping()
        self.push(ping)
        pending = PendingAck(self.outbox)
        if self._ping is None and pending.waits_behind(len(ping)):
            self._ping = pending

    def _track_ping(self, ping: PendingAck, instant: Now) -> None:
        if ping.advances():
            self.session.ping_delayed(instant)
        if ping.done:
            self._ping = None

    def _handle(self, request: Request) -> None:
        tracing = self._engine.tracing
        if tracing is None:
            self._begin(request)
        else:
            self._handle_traced(request, tracing)

    def _begin(self, request: Request) -> None:
        self._in_flight.begin(request.message)
        work = self._requests.handle(self, request)
        if work is not None:
            self._spawn(work)

    def _handle_traced(self, request: Request, tracing: "Tracing") -> None:
        """The same, as part of a trace, until it is answered."""
        message = request.message
        about = {"user.id": self.user_id, "bodhisattva.connection_id": self.connection_id}
        about["bodhisattva.request_id"] = (message.id or "")[:LONGEST]
        span = tracing.request(self._requests.known(message), about, message.traceparent)
        self._in_flight.trace(message, span)
        with span.active():
            self._begin(request)

    def _send(self, payload: bytes, kind: str, error: ErrorCode | None = None) -> None:
        self._metrics.sent(kind)
        if error is not None:
            self._metrics.error(error.value)
        self.push(frames.text(payload))

    def _too_slow(self) -> None:
        if self._lifecycle.sends:
            self._metrics.slow_consumers.inc()
            self._logger.warning("slow consumer closed")
            self.close(SLOW_CONSUMER, "Slow consumer")

    async def _catch_up(self, channel: str, after: int, catch_up: CatchUp) -> None:
        """Send what was missed and then subscribe, unless the peer has unsubscribed meanwhile.

        A cancelled task does not always end: on Python 3.11 a time limit inside, such as redis-py's, can swallow the
        cancellation.
        """
        task = asyncio.current_task()
        async for frame in catch_up.frames(channel, after):
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
        """Unfinished work closes the connection, so that the client comes again."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, LogError):
            self._log_read_failure(error)
        elif not isinstance(error, ConnectionError):
            self._logger.error("connection failed", exc_info=error)
        self.drain(INTERNAL_ERROR, "Internal error")

    def _log_read_failure(self, error: LogError) -> None:
        """A log that cannot be read is logged already, however many connections wait for it."""
        if self._engine.reader.works:
            self._logger.warning("catching up failed", reason=str(error))

    def _free_unless_behind(self) -> None:
        """Give the place back (protocol 2.5), unless output still waits that only the number of places bounds."""
        if not self.outbox.unsent:
            self._free(self)

    def _leave_channels(self) -> None:
        """Unsubscribe from every channel, once or more."""
        if self._settings.verbose and self._hub.connected(self.connection_id):
            self._logger.debug("connection closed", user_id=self.user_id)
        for channel in list(self.channels):
            self.unsubscribe(channel)
        self._hub.remove(self)

    def _release(self) -> None:
        """Let go of all that it holds; once or more."""
        self._leave_channels()
        self.outbox.discard()
        self._in_flight.clear()
        for task in self._tasks:
            task.cancel()
