from unittest.mock import patch

from bodhisattva.servers.core.connections.session import Reply, Session

CLAUSE = "PROTOCOL-071"
WRONG = "names no features in its welcome"
SAYS = "assert [] == ["

welcome = Session._welcome


def bare_welcome(session: Session) -> Reply:
    with patch.object(session._policy, "features", ()):
        return welcome(session)


def mutate() -> None:
    patch.object(Session, "_welcome", bare_welcome).start()
