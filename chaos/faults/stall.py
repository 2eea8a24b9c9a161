"""The link stays open and lets nothing through; healed, it delivers what it held back."""

from typing import Any

from bodhisattva.chaos.fault import Evidence, Fault
from bodhisattva.chaos.toxiproxy import Link

PATIENCE = 5.0
SILENCE = 1.0


class Stall(Fault[Link]):
    """Bandwidth 0: unlike a timeout toxic it loses nothing and does not close the connection when removed."""

    target_type = Link

    async def inject(self, target: Link, parameters: dict[str, Any]) -> dict[str, Any]:
        before = await target.probe(PATIENCE)
        await target.add_toxic("bandwidth", rate=0)
        return {"outcome": before.outcome}

    async def evidence(self, target: Link, parameters: dict[str, Any], before: dict[str, Any]) -> Evidence:
        """It bit if a request that was answered before gets no byte within SILENCE seconds."""
        during = await target.probe(SILENCE)
        bit = before["outcome"] == "answered" and during.outcome == "silent"
        return Evidence(bit, {"before": before["outcome"], "during": during.outcome, "silent_for": during.seconds})

    async def heal(self, target: Link) -> None:
        await target.reset()


FAULT = Stall()
