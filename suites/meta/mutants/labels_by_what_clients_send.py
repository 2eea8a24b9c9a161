from unittest.mock import patch

from bodhisattva.servers.core.telemetry.metrics import Metrics

CLAUSE = "PROTOCOL-077"
WRONG = "labels its metrics by the types that clients send, whatever they are"
SAYS = "a name that a client chose is in the metrics"


def received_as_sent(metrics: Metrics, message_type: str) -> None:
    metrics._received.add(message_type)


def mutate() -> None:
    patch.object(Metrics, "received", received_as_sent).start()
