from unittest.mock import patch

from bodhisattva.servers.crackerjack import quality
from bodhisattva.servers.crackerjack.domain import GateName, State

CLAUSE = "PROTOCOL-082"
WRONG = "takes a gate that nobody measured for one with a full score"
SAYS = "was not refused"

measured = quality._measured


def assume_the_best(state: State, project: str, gate: GateName) -> float:
    score = measured(state, project, gate)
    return 100.0 if score is None else score


def mutate() -> None:
    patch.object(quality, "_measured", assume_the_best).start()
