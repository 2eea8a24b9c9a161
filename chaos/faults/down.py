"""The link is disabled: its connections are dropped and new ones are refused."""

from typing import Any

from bodhisattva.chaos.fault import Evidence, Fault
from bodhisattva.chaos.toxiproxy import Link

PATIENCE = 5.0


class Down(Fault[Link]):
    target_type = Link

    async def inject(self, target: Link, parameters: dict[str, Any]) -> dict[str, Any]:
        before = await target.probe(PATIENCE)
        await target.disable()
        return {"outcome": before.outcome}

    async def evidence(self, target: Link, parameters: dict[str, Any], before: dict[str, Any]) -> Evidence:
        """It bit if connecting fails; behind a published container port it is accepted first, and then closed."""
        during = await target.probe(PATIENCE)
        bit = before["outcome"] == "answered" and during.outcome in ("refused", "reset", "closed")
        return Evidence(bit, {"before": before["outcome"], "during": during.outcome})

    async def heal(self, target: Link) -> None:
        await target.reset()


FAULT = Down()
