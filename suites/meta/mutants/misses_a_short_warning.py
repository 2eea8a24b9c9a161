from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.connections.session import Session

CLAUSE = "AUTH-280"
WRONG = "ends a connection without the announcement where its clock has passed both at once"
SAYS = "auth.expiring"

warn = Session._warn


def only_in_time(session: Session, identity: Any, now: Any) -> Any:
    ended = identity.expires_at is not None and now.wall >= identity.expires_at
    return [] if ended else warn(session, identity, now)


def mutate() -> None:
    patch.object(Session, "_warn", only_in_time).start()
