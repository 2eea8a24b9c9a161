from unittest.mock import patch

from bodhisattva.servers.core.connections.connection import Connection

CLAUSE = "LIFECYCLE-003"
WRONG = "takes nothing more of anybody where one of many lines was cut"
SAYS = "in vain for the answer to"

MANY = 10
release = Connection._release


def release_and_fall_silent(connection: Connection) -> None:
    others = list(connection._hub._connections.values())
    if not connection._websocket._guard.closed and len(others) > MANY:
        for other in others:
            if isinstance(other, Connection):
                other.session.end()
    release(connection)


def mutate() -> None:
    patch.object(Connection, "_release", release_and_fall_silent).start()
