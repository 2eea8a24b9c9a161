from unittest.mock import patch

from bodhisattva.servers.akosha import detectors

CLAUSE = "PROTOCOL-226"
WRONG = "scores a value that deviates from equal ones the same whatever the size"
SAYS = "rounding is an anomaly"


def mutate() -> None:
    patch.object(detectors, "FLAT", 0.0).start()
    patch.object(detectors, "negligible", lambda values: 1e-9).start()
