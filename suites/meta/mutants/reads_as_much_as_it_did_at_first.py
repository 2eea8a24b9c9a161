from unittest.mock import patch

from bodhisattva.servers.core.transport.websocket import Intake

CLAUSE = "LIFECYCLE-022"
WRONG = "takes no longer messages from a connection than when it was opened, whatever is claimed since"
SAYS = "the connection ended Close(code=1009, reason='') before the answer to long"


def ignore(_intake: Intake) -> None:
    """Everybody is read as before."""


def mutate() -> None:
    patch.object(Intake, "renew", ignore).start()
