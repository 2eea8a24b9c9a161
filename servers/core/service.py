"""What a service declares about itself; `servers/<service>/service.py` holds one `SERVICE` of this type."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, get_type_hints

from bodhisattva.servers.core.channels import GLOBAL, ChannelKind
from bodhisattva.servers.core.domain import Context, Decision, Event, State
from bodhisattva.servers.core.errors import InvalidChannel
from bodhisattva.servers.core.telemetry.metrics import Metrics

_KINDS_KEPT = 1000
Prepare = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class ForeignEvent:
    """An event of another service as its bridge received it."""

    source: str
    name: str
    data: dict[str, Any]
    timestamp: str


@dataclass(frozen=True)
class Bridge:
    """A standing subscription to another service; `react` decides what each of its events means here.

    The decision's events and the position in the source are recorded together: exactly once in effect.
    """

    source: str
    react: Callable[[Any, ForeignEvent, Context], Decision]
    channel: str = GLOBAL


@dataclass(frozen=True)
class Handler:
    """A command or query: its wire name, the type of its data, the function that decides or answers.

    prepare: makes of the data what the function takes, off the loop.
    """

    name: str
    input_type: type[Any]
    function: Callable[[Any, Any, Context], Any]
    per_connection: bool = False
    prepare: "Prepare | None" = None

    @classmethod
    def of(
        cls,
        function: Callable[[Any, Any, Context], Any],
        *,
        per_connection: bool = False,
        prepare: "Prepare | None" = None,
    ) -> "Handler":
        """Read name and input type off `def name(state, data: Input, context)`, or else off `prepare`."""
        reader = prepare or function
        parameter = list(reader.__annotations__)[1]
        return cls(function.__name__, get_type_hints(reader)[parameter], function, per_connection, prepare)

    def answer(self, state: State, data: Any, context: Context) -> Any:
        """Answer or decide at once, whatever is to be prepared."""
        ready = data if self.prepare is None else self.prepare(state, data)
        return self.function(state, ready, context)


class Runtime(Protocol):
    """What a service's background coroutines use of the server that runs it."""

    @property
    def log(self) -> Any:
        """A structlog logger, bound to the service."""

    @property
    def metrics(self) -> Metrics: ...

    @property
    def state(self) -> State: ...

    async def changed(self) -> None:
        """Wait for the next durable event of this service."""

    async def execute(self, command: str, data: dict[str, Any], /) -> dict[str, Any]:
        """Run a command of the service's own; ServiceError if it answers an error."""
        ...

    async def request(
        self,
        service: str,
        name: str,
        data: dict[str, Any],
        *,
        id: str,  # noqa: A002 - the client's word for it
        timeout: float,
    ) -> dict[str, Any]:
        """Request something of another service; Unavailable if it is not configured."""
        ...

    def continue_trace(self, traceparent: str | None, /) -> AbstractContextManager[None]:
        """Make what begins within the context part of this trace, if traces are kept."""
        ...


@dataclass(frozen=True)
class Service:
    """A service's whole declaration.

    commands: `(state, data, context) -> Decision`; queries: `(state, data, context) -> dict`; each is served under
    its function's name. per_connection: those of the commands that do something to the connection alone, so that the
    same id on another connection is another request.
    prepared: for each of the commands and queries that costs much, `(state, data)`, which is run on a thread. What it
    gives is handed on as `data`. Of the state it uses only what another thread may use.
    parted: the event that a channel gets when a member leaves it or its connection ends.
    internal: commands that only the service itself gives. background: coroutines that run beside the server.
    """

    name: str
    server: str
    port: int
    purpose: str
    state: Callable[[], State]
    channels: tuple[ChannelKind, ...]
    commands: tuple[Callable[[Any, Any, Context], Decision], ...]
    queries: tuple[Callable[[Any, Any, Context], dict[str, Any]], ...]
    per_connection: tuple[Callable[[Any, Any, Context], Decision], ...] = ()
    prepared: Mapping[Callable[[Any, Any, Context], Any], Prepare] = field(default_factory=dict)
    bridges: tuple[Bridge, ...] = ()
    parted: Callable[[str, dict[str, Any]], Event] | None = None
    internal: tuple[Callable[[Any, Any, Context], Decision], ...] = ()
    background: tuple[Callable[[Runtime], Awaitable[None]], ...] = ()

    @cached_property
    def command_handlers(self) -> Mapping[str, Handler]:
        made = (
            Handler.of(each, per_connection=each in self.per_connection, prepare=self.prepared.get(each))
            for each in self.commands
        )
        return {handler.name: handler for handler in made}

    @cached_property
    def own_handlers(self) -> Mapping[str, Handler]:
        """What the service itself may command: what everybody may, and what is internal."""
        return {**self.command_handlers, **{handler.name: handler for handler in map(Handler.of, self.internal)}}

    @cached_property
    def query_handlers(self) -> Mapping[str, Handler]:
        made = (Handler.of(each, prepare=self.prepared.get(each)) for each in self.queries)
        return {handler.name: handler for handler in made}

    @cached_property
    def _kinds_met(self) -> dict[str, ChannelKind]:
        return {}

    @cached_property
    def channel_kinds(self) -> tuple[ChannelKind, ...]:
        return (*self.channels, ChannelKind(GLOBAL))

    def channel_kind(self, channel: str) -> ChannelKind:
        """The kind that `channel` is of; InvalidChannel if the service has none such."""
        if (known := self._kinds_met.get(channel)) is not None:
            return known
        for kind in self.channel_kinds:
            if kind.matches(channel):
                if len(self._kinds_met) >= _KINDS_KEPT:
                    self._kinds_met.clear()
                self._kinds_met[channel] = kind
                return kind
        raise InvalidChannel("This service has no such channel.", channel=channel[:200])
