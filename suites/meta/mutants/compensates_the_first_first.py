from typing import Any
from unittest.mock import patch

from bodhisattva.servers.mahavishnu import workflows
from bodhisattva.servers.mahavishnu.domain import Workflow

CLAUSE = "CROSS-010"
WRONG = "compensates a workflow's stages in the order in which they were run"
SAYS = "not the last first"


def mutate() -> None:
    last_first = workflows._compensated

    def first_first(workflow: Workflow, **certainty: Any) -> list[int]:
        return last_first(workflow, **certainty)[::-1]

    patch.object(workflows, "_compensated", first_first).start()
