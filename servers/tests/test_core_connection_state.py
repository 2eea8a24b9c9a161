"""The states of a connection: which follows which, what each takes, and who moves it."""

from collections.abc import Callable
from itertools import product

import pytest

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.transport.lifecycle import (
    CLOSED,
    CLOSING,
    CONNECTING,
    DRAINING,
    OPEN,
    ConnectionState,
    InvalidTransition,
    Lifecycle,
)
from bodhisattva.servers.core.transport.websocket import WebSocket
from bodhisattva.servers.tests.running import running, until

FOLLOWS = {
    CONNECTING: {OPEN, CLOSING, CLOSED},
    OPEN: {DRAINING, CLOSING, CLOSED},
    DRAINING: {CLOSING, CLOSED},
    CLOSING: {CLOSED},
    CLOSED: set[ConnectionState](),
}
TAKES = {  # whether messages are received, whether output is sent
    CONNECTING: (False, True),
    OPEN: (True, True),
    DRAINING: (False, True),
    CLOSING: (False, False),
    CLOSED: (False, False),
}


@pytest.mark.parametrize(("state", "following"), list(product(ConnectionState, repeat=2)))
def test_a_state_is_left_only_for_those_that_follow_it(state: ConnectionState, following: ConnectionState) -> None:
    lifecycle = Lifecycle()
    lifecycle.state = state
    if following in FOLLOWS[state]:
        lifecycle.enter(following)
        assert lifecycle.state is following
    else:
        with pytest.raises(InvalidTransition):
            lifecycle.enter(following)
        assert lifecycle.state is state


@pytest.mark.parametrize("state", list(ConnectionState))
def test_what_a_state_takes(state: ConnectionState) -> None:
    lifecycle = Lifecycle()
    lifecycle.state = state
    assert (lifecycle.receives, lifecycle.sends) == TAKES[state]


def close(connection: Connection) -> None:
    connection.close(1000, "")


def drain(connection: Connection) -> None:
    connection.drain(1000, "")


def abort(connection: Connection) -> None:
    connection.abort()


def close_by_peer(connection: Connection) -> None:
    connection.peer_closed(1000)


def break_the_protocol(connection: Connection) -> None:
    connection.protocol_error(1002)


def lose(connection: Connection) -> None:
    connection._websocket.connection_lost(None)


ACTIONS: dict[Callable[[Connection], None], dict[ConnectionState, ConnectionState]] = {
    close: {OPEN: CLOSING, DRAINING: CLOSING},
    abort: {OPEN: CLOSING, DRAINING: CLOSING},
    close_by_peer: {OPEN: CLOSING, DRAINING: CLOSING},
    drain: {OPEN: DRAINING},
    break_the_protocol: {OPEN: DRAINING},
    lose: {OPEN: CLOSED, DRAINING: CLOSED, CLOSING: CLOSED},
}


@pytest.mark.parametrize(("action", "state"), list(product(ACTIONS, [OPEN, DRAINING, CLOSING])))
async def test_what_each_action_makes_of_each_state(
    action: Callable[[Connection], None], state: ConnectionState
) -> None:
    """With a request in flight. An action that comes too late changes nothing."""
    async with running() as one:
        await one.connect()
        (connection,) = one.server.parts.connections
        connection._in_flight.begin(Incoming("request", "r", None, "post", {}))
        for entered in (DRAINING, CLOSING):
            if state >= entered:
                drain(connection) if entered is DRAINING else close(connection)
        assert connection._lifecycle.state is state
        action(connection)
        assert connection._lifecycle.state is ACTIONS[action].get(state, state)
        connection._websocket.transport.abort()
        if action is not lose:
            await one.quiet()
            assert connection._lifecycle.state is CLOSED


async def test_a_drain_without_requests_in_flight_closes_at_once() -> None:
    async with running() as one:
        await one.connect()
        (connection,) = one.server.parts.connections
        drain(connection)
        assert connection._lifecycle.state is CLOSING


async def test_a_rejected_connection_is_never_open() -> None:
    async with running() as one:
        one.server.parts.counts.total = one.server.config.limits.connections
        client = await one.connect(welcome=False, autoclose=False)
        await until(lambda: one.server.parts.frame_reader.open, "no connection is rejected")
        (websocket,) = one.server.parts.frame_reader.open
        assert isinstance(websocket, WebSocket)
        assert websocket.lifecycle.state is CLOSING
        assert await client.close_code() == 1013
