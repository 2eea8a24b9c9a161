"""The vocabulary of a service's pure part: commands and queries in, decisions out, nothing in between.

A decider is `decide(state, command, context) -> Decision`: it reads the state, never changes it, does no I/O and
takes time and fresh ids from its context. `State.apply(event)` is the only place where the state changes, so that
replaying the log gives the state that was.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec


class Event(msgspec.Struct, frozen=True):
    """A fact: its name, the channels it belongs to (`global` is understood), and what happened as JSON data.

    coalesce_key: of an ephemeral event that supersedes earlier ones: of unsent events on a channel with the same key,
    whatever their names, only the newest is sent (protocol 5).
    """

    name: str
    channels: tuple[str, ...]
    data: dict[str, Any]
    coalesce_key: str | None = None


class Join(msgspec.Struct, frozen=True):
    """The caller's connection becomes a member of `channel`, shown to others as `info`."""

    channel: str
    info: dict[str, Any]


class Leave(msgspec.Struct, frozen=True):
    """The caller's connection stops being a member of `channel`."""

    channel: str


class Decision(msgspec.Struct, frozen=True):
    """What a command comes to: the answer, the facts to record, and what only present subscribers get.

    events: persisted in this order, in one transaction, before the answer is sent.
    ephemeral: events of ephemeral channels; neither persisted nor numbered.
    membership: changes of presence, bound to the connection that sent the command.
    """

    answer: dict[str, Any]
    events: tuple[Event, ...] = ()
    ephemeral: tuple[Event, ...] = ()
    membership: tuple[Join | Leave, ...] = ()


class Context(msgspec.Struct, frozen=True):
    """What a decider may know besides state and command.

    now: UTC, aware. user_id: the token's. new_id: a fresh identifier at each call.
    membership: the `info` with which this connection joined a channel, by channel. request_id: as its sender chose it.
    traceparent: of the trace that this is part of, if there is one.
    """

    now: datetime
    user_id: str
    connection_id: str
    new_id: Callable[[], str]
    membership: dict[str, dict[str, Any]]
    request_id: str | None = None
    traceparent: str | None = None


class State(Protocol):
    """A read model rebuilt from the log; raising in `apply` means that the log is not this service's."""

    def apply(self, event: Event) -> None: ...
