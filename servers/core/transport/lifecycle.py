"""The state of one connection, which its session, its outbox and its WebSocket share.

The states are those of websockets and Starlette, and one more: a connection that is draining still answers.
"""

from collections.abc import Mapping
from enum import IntEnum


class ConnectionState(IntEnum):
    """In the order in which a connection passes through them; it may leave some out.

    CONNECTING: upgraded, and not served yet. OPEN: messages are received, and output is sent.
    DRAINING: nothing more is received, and requests in flight are answered (protocol 1).
    CLOSING: only a close frame is sent; the closing handshake runs (RFC 6455, 7.1.2). CLOSED: so is the socket.
    """

    CONNECTING = 0
    OPEN = 1
    DRAINING = 2
    CLOSING = 3
    CLOSED = 4


CONNECTING, OPEN, DRAINING, CLOSING, CLOSED = ConnectionState

TRANSITIONS: Mapping[ConnectionState, frozenset[ConnectionState]] = {
    CONNECTING: frozenset({OPEN, CLOSING, CLOSED}),
    OPEN: frozenset({DRAINING, CLOSING, CLOSED}),
    DRAINING: frozenset({CLOSING, CLOSED}),
    CLOSING: frozenset({CLOSED}),
    CLOSED: frozenset(),
}


class InvalidTransition(Exception):
    """A connection was to enter a state that does not follow its own."""


class Lifecycle:
    """Where a connection is between its upgrade and the end of its socket."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = CONNECTING

    def enter(self, state: ConnectionState) -> None:
        """InvalidTransition if that state does not follow the present one."""
        if state not in TRANSITIONS[self.state]:
            raise InvalidTransition(f"{self.state.name} to {state.name}")
        self.state = state

    @property
    def receives(self) -> bool:
        """Whether messages are still taken."""
        return self.state is OPEN

    @property
    def sends(self) -> bool:
        """Whether output is still taken; a close frame is sent later too."""
        return self.state < CLOSING
