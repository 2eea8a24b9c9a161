from unittest.mock import patch

from bodhisattva.servers.core.telemetry.metrics import Metrics

CLAUSE = "PROTOCOL-073"
WRONG = "does not count its errors"
SAYS = "websocket_errors_total did not rise"


def pass_over(_metrics: Metrics, _code: str) -> None:
    """Not counted."""


def mutate() -> None:
    patch.object(Metrics, "error", pass_over).start()
