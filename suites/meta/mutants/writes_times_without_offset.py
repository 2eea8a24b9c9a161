from datetime import UTC, datetime
from unittest.mock import patch

from bodhisattva.servers.core import envelope

CLAUSE = "PROTOCOL-004"
WRONG = "writes timestamps without their offset from UTC"
SAYS = "is not UTC with its offset"


def naive(moment: datetime | None = None) -> str:
    return (moment or datetime.now(UTC)).replace(tzinfo=None).isoformat()


def mutate() -> None:
    patch.object(envelope, "timestamp", naive).start()
