"""Drives a service's pure part as the server does: convert, decide, record, apply.

Every call checks what the server relies on. A decider does not change the state, and decides the same when called again
in the same context. Every event is JSON and belongs to declared channels of the right kind. The state is built only
from recorded events.
"""

import copy
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st

from bodhisattva.servers.core.domain import Context, Decision, Event, Join
from bodhisattva.servers.core.engine.snapshot import pack, unpack
from bodhisattva.servers.core.envelope import convert
from bodhisattva.servers.core.errors import ServiceError
from bodhisattva.servers.core.service import ForeignEvent, Handler, Service

START = datetime(2026, 1, 1, tzinfo=UTC)
Script = list[tuple[str, dict[str, Any]]]


class Harness:
    """One service with its state, its log of recorded events, and a clock that only `advance` moves."""

    def __init__(self, service: Service, user_id: str = "ada") -> None:
        self.service = service
        self.user_id = user_id
        self.state: Any = service.state()
        self.log: list[Event] = []
        self.now = START
        self.membership: dict[str, dict[str, Any]] = {}
        self._ids = 0

    def execute(self, command: str, /, **data: Any) -> Decision:
        """Execute the command: decide, record, apply."""
        handler = self.service.own_handlers[command]
        return self._record(self._call(handler, data))

    def refused(self, expected: type[ServiceError], command: str, /, **data: Any) -> ServiceError:
        """The error of a command that is refused."""
        with pytest.raises(expected) as caught:
            self.execute(command, **data)
        return caught.value

    def request(self, name: str, /, **data: Any) -> None:
        """Make a request: a command or a query."""
        if name in self.service.own_handlers:
            self.execute(name, **data)
        else:
            self.query(name, **data)

    def run(self, script: Script) -> "Harness":
        """Make one request after another; a refused one is skipped."""
        for name, data in script:
            try:
                self.request(name, **data)
            except ServiceError:
                self.advance(1)
        return self

    def query(self, query: str, /, **data: Any) -> dict[str, Any]:
        """The query's answer, as on the wire."""
        answer: dict[str, Any] = _as_json(self._call(self.service.query_handlers[query], data))
        return answer

    def react(self, source: str, name: str, **data: Any) -> Decision:
        """Let the bridge to `source` react to an event that happened there now."""
        (bridge,) = (bridge for bridge in self.service.bridges if bridge.source == source)
        event = ForeignEvent(source, name, data, self.now.isoformat())
        return self._record(bridge.react(self.state, event, self.context()))

    def advance(self, seconds: float) -> None:
        """Move the clock by so many seconds."""
        self.now += timedelta(seconds=seconds)

    def replayed(self, kept: int | None = None) -> Any:
        """The state rebuilt from a snapshot and the rest of the log, as retention leaves them.

        kept: how many events the log still holds, half of them by default.
        """
        gone = len(self.log) // 2 if kept is None else len(self.log) - kept
        state = self._applied(self.service.state(), self.log[:gone])
        unpacked = unpack(self.service, pack(state))
        assert unpacked == state, "the snapshot is not the state that it was taken of"
        return self._applied(unpacked, self.log[gone:])

    def _applied(self, state: Any, events: list[Event]) -> Any:
        for event in events:
            state.apply(event)
        return state

    def context(self) -> Context:
        return Context(self.now, self.user_id, "connection-1", self._new_id, dict(self.membership))

    def _new_id(self) -> str:
        self._ids += 1
        return f"id-{self._ids}"

    def _call(self, handler: Handler, data: dict[str, Any]) -> Any:
        before, ids = copy.deepcopy(self.state), self._ids
        request = convert(data, handler.input_type)
        try:
            first = handler.answer(self.state, request, self.context())
            self._ids = ids
            again = handler.answer(self.state, request, self.context())
        finally:
            assert self.state == before, f"{handler.name} changed the state outside of apply"
        assert first == again, f"{handler.name} decides otherwise in the same context"
        return again

    def _record(self, decision: Decision) -> Decision:
        self._check_channels(decision.events, persisted=True)
        self._check_channels(decision.ephemeral, persisted=False)
        for event in decision.events:
            recorded = msgspec.convert(_as_json(msgspec.to_builtins(event)), Event)
            self.log.append(recorded)
            self.state.apply(recorded)
        for change in decision.membership:
            if isinstance(change, Join):
                self.membership[change.channel] = change.info
            else:
                del self.membership[change.channel]
        return decision

    def _check_channels(self, events: Iterable[Event], *, persisted: bool) -> None:
        for event in events:
            assert event.channels, f"{event.name} belongs to no channel"
            for channel in event.channels:
                kind = self.service.channel_kind(channel)
                assert kind.persisted is persisted, f"{event.name} on {channel}: persisted is {kind.persisted}"


def command(name: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """One step of a script."""
    return st.tuples(st.just(name), st.fixed_dictionaries(fields))


def _as_json(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))
