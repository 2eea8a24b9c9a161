from unittest.mock import patch

from bodhisattva.servers.akosha import detectors

CLAUSE = "PROTOCOL-112"
WRONG = "gives confidences in percent"
SAYS = "a confidence of 100"


def mutate() -> None:
    patch.object(detectors, "confidence", lambda distance, variance: 100.0).start()
