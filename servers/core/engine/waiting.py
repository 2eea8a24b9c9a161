"""What waits at a replica, what it comes to, and who is told of the log's troubles."""

from collections.abc import Callable
from typing import NamedTuple

from bodhisattva.servers.core.domain import Decision
from bodhisattva.servers.core.engine.deduplication import Answer, Key, Outcome
from bodhisattva.servers.core.engine.engine import Advance, Decide
from bodhisattva.servers.core.log.base import Entry


class Command(NamedTuple):
    """What waits to be decided, and who waits for its outcome."""

    decide: Decide
    key: Key | None
    advance: Advance | None
    connection_id: str
    answer: Answer
    trace: str | None


class Ready(NamedTuple):
    """What a command came to, and what of it is to be stored."""

    decision: Decision
    outcome: Outcome
    entry: Entry


class Unappliable(Exception):
    """A decided event cannot be applied; its command is answered, and the state is no longer what the log says."""


class Asker(NamedTuple):
    """Who waits for a look at the log; seq: the number in it that is enough, None for its end."""

    tell: Callable[[bool], None]
    seq: int | None


class Watch(NamedTuple):
    """Who is told when the log cannot be reached (False) or can be again (True), and why events were passed over."""

    reachable: Callable[[bool], None]
    lost: Callable[[str], None]
