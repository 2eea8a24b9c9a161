from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.engine.hub import Hub

CLAUSE = "PROTOCOL-045"
WRONG = "sends each event twice to a client that subscribes again"
SAYS = "heard 2 times"

follow = Connection.follow
push = Hub._push
again: set[tuple[Connection, str]] = set()


def follow_again(connection: Connection, channel: str, after: int | None) -> None:
    if channel in connection.channels:
        again.add((connection, channel))
    follow(connection, channel, after)


def push_again(hub: Hub, channel: str, frame: bytes) -> None:
    push(hub, channel, frame)
    for connection, doubled in again:
        if doubled == channel and channel in connection.channels:
            connection.push(frame)


def mutate() -> None:
    patch.object(Connection, "follow", follow_again).start()
    patch.object(Hub, "_push", push_again).start()
