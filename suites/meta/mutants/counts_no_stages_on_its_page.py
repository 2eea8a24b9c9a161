from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

from bodhisattva.servers.fastblocks import follow

CLAUSE = "CROSS-002"
WRONG = "does not count the completed stages where it shows a workflow"
SAYS = "(None, None) != (None, 1)"


def mutate() -> None:
    stage_completed = follow._stage_completed

    def uncounted(workflow: Any, props: Mapping[str, Any]) -> dict[str, Any]:
        return stage_completed(workflow, props) | {"done": props.get("done") or 0}

    patch.dict(follow._CHANGES, {"workflow.stage_completed": uncounted}).start()
