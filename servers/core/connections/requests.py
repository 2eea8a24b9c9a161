"""Handlers of authenticated requests: the standard ones of protocol 3, then the service's own queries and commands."""

from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Protocol

import msgspec
import structlog
from msgspec import Meta

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.auth.tokens import Identity
from bodhisattva.servers.core.connections.session import Request
from bodhisattva.servers.core.connections.session_settings import SessionSettings
from bodhisattva.servers.core.delivery.event_frames import history_entry
from bodhisattva.servers.core.delivery.hub import Hub, Receiver
from bodhisattva.servers.core.domain import Context
from bodhisattva.servers.core.engine.deduplication import INTERNAL, UNAVAILABLE, Outcome
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.errors import InvalidChannel, LimitExceeded, ServiceError, Unavailable, UnknownRequest
from bodhisattva.servers.core.log.base import LogError, LogLost
from bodhisattva.servers.core.telemetry.logs import request_fields

HISTORY_LIMIT = 1000


Offset = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Since(msgspec.Struct, frozen=True):
    """Where a subscriber left off."""

    epoch: str
    offset: Offset


class Subscribe(msgspec.Struct, frozen=True):
    since: Since | None = None


class History(msgspec.Struct, frozen=True):
    """Up to `limit` events after the offset `after`, or from the oldest that is held; fewer where they are large."""

    after: Offset = 0
    limit: Annotated[int, Meta(ge=1, le=HISTORY_LIMIT)] = 100


class Caller(Receiver, Protocol):
    """The connection that sent a request."""

    @property
    def identity(self) -> Identity | None: ...

    @property
    def channels(self) -> set[str]: ...

    def answer(self, message: Incoming, outcome: Outcome) -> None: ...

    def subscribe(self, channel: str, after: int | None) -> None: ...

    def unsubscribe(self, channel: str) -> None: ...


Standard = Callable[[Caller, Request], Coroutine[Any, Any, Outcome] | Outcome]


class Requests:
    """Answers every request of one service exactly once.

    `handle` returns a coroutine when the answer needs the log, None when it is given or on its way.
    """

    def __init__(self, settings: SessionSettings, engine: Engine, hub: Hub) -> None:
        self._settings = settings
        self._engine = engine
        self._hub = hub
        self._commands = settings.service.command_handlers
        self._queries = settings.service.query_handlers
        self._logger = structlog.get_logger(service=settings.service.name)
        self._standard: dict[str, Standard] = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "history": self._history,
            "presence": self._presence,
        }

    def known(self, message: Incoming) -> str:
        """The request's name if it is one of the service's, so that there are not more names than that."""
        name, service = str(message.event), self._settings.service
        known = name in self._standard or name in service.command_handlers or name in service.query_handlers
        return name if known else "unknown"

    def handle(self, caller: Caller, request: Request) -> Coroutine[Any, Any, None] | None:
        message = request.message
        try:
            standard = self._standard.get(str(message.event))
            if standard is None:
                self._domain(caller, request)
                return None
            barrier = self._engine.read_barrier(_channel(request))
            outcome = standard(caller, request) if barrier is None else self._after(barrier, standard, caller, request)
        except ServiceError as refusal:
            outcome = Outcome.refused(refusal)
        except Exception:
            self._logger.exception("request failed", **request_fields(caller.connection_id, message.id))
            outcome = INTERNAL
        if isinstance(outcome, Outcome):
            caller.answer(message, outcome)
            return None
        return self._answer_later(caller, message, outcome)

    async def _after(self, barrier: Awaitable[None], standard: Standard, caller: Caller, request: Request) -> Outcome:
        """Run a standard request after this replica has read the log to its end, so that no offset there seems unknown.

        Meanwhile the caller's token may have been renewed, and the new one decides. To unsubscribe needs no log, and
        waits only for earlier requests.
        """
        try:
            await barrier
        except (Unavailable, LogError):
            if request.message.event != "unsubscribe":
                raise
        outcome = standard(caller, Request(request.message, caller.identity or request.identity))
        return outcome if isinstance(outcome, Outcome) else await outcome

    async def _answer_later(self, caller: Caller, message: Incoming, work: Coroutine[Any, Any, Outcome]) -> None:
        try:
            outcome = await work
        except ServiceError as refusal:
            outcome = Outcome.refused(refusal)
        except LogError:
            outcome = UNAVAILABLE
        except Exception:
            self._logger.exception("request failed", **request_fields(caller.connection_id, message.id))
            outcome = INTERNAL
        caller.answer(message, outcome)

    def _domain(self, caller: Caller, request: Request) -> None:
        """The service's own queries and commands; permission is checked before the data."""
        message, identity, tracing = request.message, request.identity, self._engine.tracing
        name = str(message.event)
        answer = partial(caller.answer, message)
        context = Context(
            datetime.now(UTC),
            identity.user_id,
            caller.connection_id,
            envelope.fresh_id,
            self._hub.membership(caller),
            message.id,
            tracing.current() if tracing is not None else None,
        )
        if (command := self._commands.get(name)) is not None:
            self._settings.permissions.check_command(identity)
            self._engine.command(command, message.data or {}, context, message.id, answer)
        elif (query := self._queries.get(name)) is not None:
            self._settings.permissions.check_query(identity)
            self._engine.query(query, message.data or {}, context, answer)
        else:
            raise UnknownRequest("This service has no such request.", request=name[:100])

    def _subscribe(self, caller: Caller, request: Request) -> Outcome:
        """Join at the newest event, or after `since` if the log holds all that came later (protocol 5)."""
        channel = self._readable(request)
        since = envelope.convert(request.message.data or {}, Subscribe).since
        limit = self._settings.limits.channels
        if channel not in caller.channels and len(caller.channels) >= limit:
            raise LimitExceeded("Too many channels on this connection.", limit=limit)
        answer: dict[str, Any] = {"status": "subscribed", "channel": channel}
        if not self._settings.service.channel_kind(channel).persisted:
            caller.subscribe(channel, None)
            return Outcome.of(answer)
        epoch, offset = self._engine.log.epoch, self._engine.offset(channel)
        log_start = self._engine.log_start(channel)
        recovered = since is not None and since.epoch == epoch and log_start <= since.offset <= offset
        if since is not None and recovered:
            offset = since.offset
        caller.subscribe(channel, offset)
        return Outcome.of(answer | {"epoch": epoch, "offset": offset, "recovered": recovered})

    def _unsubscribe(self, caller: Caller, request: Request) -> Outcome:
        channel = _channel(request)
        self._settings.service.channel_kind(channel)
        caller.unsubscribe(channel)
        return Outcome.of({"status": "unsubscribed", "channel": channel})

    async def _history(self, caller: Caller, request: Request) -> Outcome:
        channel = self._readable(request)
        page = envelope.convert(request.message.data or {}, History)
        if not self._settings.service.channel_kind(channel).persisted:
            raise InvalidChannel("An ephemeral channel has no history.", channel=channel)
        async with caller.outbox.one_by_one():
            epoch, tail = self._engine.log.epoch, self._engine.offset(channel)
            events = await self._engine.reader.read(channel, min(page.after, tail), page.limit)
        if self._engine.log.epoch != epoch:
            raise LogLost("the log has become another while it was read")
        return Outcome.of(
            {
                "channel": channel,
                "events": [history_entry(event, offset) for offset, event in events if offset <= tail],
                "epoch": epoch,
                "offset": tail,
            }
        )

    def _presence(self, caller: Caller, request: Request) -> Coroutine[Any, Any, Outcome] | Outcome:
        channel = self._readable(request)
        members = self._engine.present(channel)
        return _members(channel, members) if isinstance(members, list) else self._presence_later(channel, members)

    async def _presence_later(self, channel: str, members: Awaitable[list[dict[str, Any]]]) -> Outcome:
        return _members(channel, await members)

    def _readable(self, request: Request) -> str:
        """The channel that a request names, if its user may read it."""
        channel = _channel(request)
        self._settings.permissions.check_channel(request.identity, channel)
        return channel


def _members(channel: str, members: list[dict[str, Any]]) -> Outcome:
    return Outcome.of({"channel": channel, "members": members})


def _channel(request: Request) -> str:
    """`data.channel`; the published client calls it `room` (1.3)."""
    data = request.message.data or {}
    channel = data.get("channel", data.get("room"))
    if not isinstance(channel, str):
        raise InvalidChannel("A channel is required, as a string.", field="channel")
    return channel
