from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.engine.hub import Hub

CLAUSE = "DEGRADATION-010"
WRONG = "sends nothing more on a channel of which a subscriber's line was cut"
SAYS = "in vain for event"

push = Hub._push
release = Connection._release
broken: set[str] = set()


def push_unless_broken(hub: Hub, channel: str, frame: bytes) -> None:
    if channel not in broken:
        push(hub, channel, frame)


def release_and_break(connection: Connection) -> None:
    if not connection._websocket._guard.closed:
        receivers = connection._hub._receivers
        broken.update(channel for channel in connection.channels if len(receivers[channel]) > 1)
    release(connection)


def mutate() -> None:
    patch.object(Hub, "_push", push_unless_broken).start()
    patch.object(Connection, "_release", release_and_break).start()
