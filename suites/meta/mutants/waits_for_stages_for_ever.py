from unittest.mock import patch

from bodhisattva.servers.mahavishnu.domain import Call, Stage

CLAUSE = "CROSS-013"
WRONG = "gives a stage all the time there is, whatever its limit"
SAYS = "is failed"


def patient(stage: Stage) -> Call | None:
    if stage.service is None or stage.request is None:
        return None
    return Call(stage.service, stage.request, stage.data or {}, 3600.0, stage.attempts)


def mutate() -> None:
    patch.object(Stage, "call", property(patient)).start()
