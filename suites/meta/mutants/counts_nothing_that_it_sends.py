from unittest.mock import patch

from bodhisattva.servers.core.telemetry.metrics import Metrics

CLAUSE = "PROTOCOL-073"
WRONG = "does not count what it sends"
SAYS = "websocket_messages_sent_total did not rise"


def uncounted(*_: object) -> None:
    """Nobody counts it."""


def mutate() -> None:
    patch.object(Metrics, "sent", uncounted).start()
