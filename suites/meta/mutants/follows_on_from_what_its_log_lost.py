from unittest.mock import patch

from bodhisattva.servers.core.bridges.bridge import _Crossing

CLAUSE = "REPLICAS-024"
WRONG = "follows its source on from what its own log has lost the effect of"
SAYS = "in akosha"


def mutate() -> None:
    patch.object(_Crossing, "follow", _Crossing._read).start()
