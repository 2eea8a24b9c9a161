from unittest.mock import patch

from bodhisattva.servers.akosha import detectors

CLAUSE = "PROTOCOL-083"
WRONG = "takes every value for an ordinary one"
SAYS = "anomaly.detected"


def mutate() -> None:
    patch.object(detectors, "outlier", lambda values, period: None).start()
