from unittest.mock import patch

from bodhisattva.servers.core.connections.session import Reply, Session

CLAUSE = "TLS-001"
WRONG = "says over TLS that it is not secure"
SAYS = "False is True"

welcome = Session._welcome


def insecure_welcome(session: Session) -> Reply:
    with patch.object(session, "_secure", False):
        return welcome(session)


def mutate() -> None:
    patch.object(Session, "_welcome", insecure_welcome).start()
