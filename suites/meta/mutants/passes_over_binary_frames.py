from unittest.mock import patch

from bodhisattva.servers.core.connections.session import Output, Session

CLAUSE = "PROTOCOL-022"
WRONG = "passes over binary frames"
SAYS = "in vain for the connection's end"


def pass_over(_session: Session) -> list[Output]:
    return []


def mutate() -> None:
    patch.object(Session, "receive_binary", pass_over).start()
