from collections.abc import Sequence
from unittest.mock import patch

from bodhisattva.servers.akosha import detectors
from bodhisattva.servers.akosha.findings import Outlier

CLAUSE = "PROTOCOL-226"
WRONG = "finds no outlier where more than half the values are equal"
SAYS = "anomaly.detected"

outlier = detectors.outlier


def outlier_of_what_moves(values: Sequence[float], period: int | None = None) -> Outlier | None:
    found = outlier(values, period)
    return found if found is None or found.spread_type == "mad" else None


def mutate() -> None:
    patch.object(detectors, "outlier", outlier_of_what_moves).start()
