from unittest.mock import patch

from bodhisattva.servers.core.connections.session import Now, Output, Session

CLAUSE = "SECURITY-018"
WRONG = "does not answer a client's pings"
SAYS = "<Opcode.PONG"


def say_nothing(_session: Session, _payload: bytes, _now: Now) -> list[Output]:
    return []


def mutate() -> None:
    patch.object(Session, "receive_ping", say_nothing).start()
