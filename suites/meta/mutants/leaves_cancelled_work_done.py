from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.domain import Context, Decision
from bodhisattva.servers.mahavishnu import workflows
from bodhisattva.servers.mahavishnu.domain import Workflow

CLAUSE = "CROSS-011"
WRONG = "ends a cancelled workflow, and compensates nothing of what it did"
SAYS = "is compensated"


def mutate() -> None:
    compensated, ended_early = workflows._compensated, workflows.ended_early

    def without_compensation(workflow: Workflow, error: str, context: Context, **how: Any) -> Decision:
        nothing = (lambda *_, **__: []) if how.get("cancelled") else compensated
        with patch.object(workflows, "_compensated", nothing):
            return ended_early(workflow, error, context, **how)

    patch.object(workflows, "ended_early", without_compensation).start()
