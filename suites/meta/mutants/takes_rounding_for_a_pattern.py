from unittest.mock import patch

from bodhisattva.servers.akosha import detectors

CLAUSE = "PROTOCOL-227"
WRONG = "ranks values that differ by rounding only"
SAYS = "rounding is a pattern"


def mutate() -> None:
    patch.object(detectors, "levelled", list).start()
