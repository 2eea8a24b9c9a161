"""What authenticated requests do: the standard ones of contract 3, then the service's own queries and commands."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta

from bodhisattva.servers.core import envelope
from bodhisattva.servers.core.deduplication import UNAVAILABLE, Outcome
from bodhisattva.servers.core.domain import Context
from bodhisattva.servers.core.engine import Engine
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.errors import InvalidChannel, LimitExceeded, ServiceError, UnknownRequest
from bodhisattva.servers.core.hub import Hub, Receiver, plain
from bodhisattva.servers.core.log.base import LogError
from bodhisattva.servers.core.session import Policy, Request

HISTORY_LIMIT = 1000


class Since(msgspec.Struct, frozen=True):
    """Where a subscriber left off."""

    epoch: str
    offset: Annotated[int, Meta(ge=0)]


class Subscribe(msgspec.Struct, frozen=True):
    """Channel to join; the published client calls it `room`."""

    channel: str | None = None
    room: str | None = None
    since: Since | None = None

    @property
    def name(self) -> str:
        name = self.channel if self.channel is not None else self.room
        if name is None:
            raise InvalidChannel("A channel is required.", field="channel")
        return name


class History(msgspec.Struct, frozen=True):
    """Up to `limit` events after the offset `after`."""

    channel: str
    after: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=1, le=HISTORY_LIMIT)] = 100


class ChannelOnly(msgspec.Struct, frozen=True):
    """A channel and nothing else."""

    channel: str


class Caller(Receiver, Protocol):
    """The connection that asks."""

    @property
    def channels(self) -> set[str]: ...

    def answer(self, message: Incoming, outcome: Outcome) -> None: ...

    def follow(self, channel: str, after: int | None) -> None: ...

    def unfollow(self, channel: str) -> None: ...


class Requests:
    """Answers every request of one service exactly once.

    `handle` returns a coroutine when the answer needs the log, None when it is given or on its way.
    """

    def __init__(self, policy: Policy, engine: Engine, hub: Hub) -> None:
        self._policy = policy
        self._engine = engine
        self._hub = hub
        self._standard: dict[str, Callable[[Caller, Request], Coroutine[Any, Any, Outcome] | Outcome]] = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "history": self._history,
            "presence": self._presence,
        }

    def handle(self, caller: Caller, request: Request) -> Coroutine[Any, Any, None] | None:
        message = request.message
        try:
            standard = self._standard.get(str(message.event))
            if standard is None:
                self._domain(caller, request)
                return None
            outcome = standard(caller, request)
        except ServiceError as refusal:
            outcome = Outcome.refused(refusal)
        if isinstance(outcome, Outcome):
            caller.answer(message, outcome)
            return None
        return self._answer_later(caller, message, outcome)

    async def _answer_later(self, caller: Caller, message: Incoming, work: Coroutine[Any, Any, Outcome]) -> None:
        try:
            outcome = await work
        except ServiceError as refusal:
            outcome = Outcome.refused(refusal)
        except LogError:
            outcome = UNAVAILABLE
        caller.answer(message, outcome)

    def _domain(self, caller: Caller, request: Request) -> None:
        """The service's own queries and commands; permission is judged before the data is looked at."""
        message, identity = request
        service = self._policy.service
        name = str(message.event)

        def answer(outcome: Outcome) -> None:
            caller.answer(message, outcome)

        context = Context(
            datetime.now(UTC),
            identity.user_id,
            caller.connection_id,
            envelope.fresh_id,
            self._hub.membership(caller),
        )
        if (command := service.command_handlers.get(name)) is not None:
            self._policy.permissions.check_command(identity)
            self._engine.command(command, message.data or {}, context, message.id, answer)
        elif (query := service.query_handlers.get(name)) is not None:
            self._policy.permissions.check_query(identity)
            self._engine.query(query, message.data or {}, context, answer)
        else:
            raise UnknownRequest("This service has no such request.", request=name[:100])

    def _subscribe(self, caller: Caller, request: Request) -> Outcome | Coroutine[Any, Any, Outcome]:
        asked = envelope.convert(request.message.data or {}, Subscribe)
        channel = asked.name
        self._policy.permissions.check_channel(request.identity, channel)
        limit = self._policy.limits.channels
        if channel not in caller.channels and len(caller.channels) >= limit:
            raise LimitExceeded("Too many channels on this connection.", limit=limit)
        if not self._policy.service.channel_kind(channel).persisted:
            caller.channels.add(channel)
            caller.follow(channel, None)
            return Outcome({"status": "subscribed", "channel": channel})
        if asked.since is None:
            return self._join(caller, channel, self._engine.offset(channel), recovered=False)
        return self._resume(caller, channel, asked.since)

    async def _resume(self, caller: Caller, channel: str, since: Since) -> Outcome:
        """Go on after `since` if the log still has all that followed, or else from the newest event (contract 5)."""
        first = await self._engine.log.first_offset(channel)
        tail = self._engine.offset(channel)
        recovered = since.epoch == self._engine.log.epoch and first - 1 <= since.offset <= tail
        return self._join(caller, channel, since.offset if recovered else tail, recovered=recovered)

    def _join(self, caller: Caller, channel: str, offset: int, *, recovered: bool) -> Outcome:
        caller.channels.add(channel)
        caller.follow(channel, offset)
        return Outcome(
            {
                "status": "subscribed",
                "channel": channel,
                "epoch": self._engine.log.epoch,
                "offset": offset,
                "recovered": recovered,
            }
        )

    def _unsubscribe(self, caller: Caller, request: Request) -> Outcome:
        channel = envelope.convert(request.message.data or {}, Subscribe).name
        self._policy.service.channel_kind(channel)
        caller.channels.discard(channel)
        caller.unfollow(channel)
        return Outcome({"status": "unsubscribed", "channel": channel})

    async def _history(self, caller: Caller, request: Request) -> Outcome:
        asked = envelope.convert(request.message.data or {}, History)
        self._policy.permissions.check_channel(request.identity, asked.channel)
        if not self._policy.service.channel_kind(asked.channel).persisted:
            raise InvalidChannel("An ephemeral channel has no history.", channel=asked.channel)
        tail = self._engine.offset(asked.channel)
        events = await self._engine.log.read(asked.channel, asked.after, asked.limit)
        return Outcome(
            {
                "channel": asked.channel,
                "events": [plain(event, offset) for offset, event in events if offset <= tail],
                "epoch": self._engine.log.epoch,
                "offset": tail,
            }
        )

    def _presence(self, caller: Caller, request: Request) -> Outcome:
        channel = envelope.convert(request.message.data or {}, ChannelOnly).channel
        self._policy.permissions.check_channel(request.identity, channel)
        return Outcome({"channel": channel, "members": self._hub.present(channel)})
