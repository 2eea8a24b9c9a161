"""Every connection is torn down as soon as the service sends something, new ones with a TCP reset."""

from typing import Any

from bodhisattva.chaos.fault import Evidence, Fault
from bodhisattva.chaos.toxiproxy import Link

PATIENCE = 5.0
TRIES = 3


class ResetPeer(Fault[Link]):
    """Toxiproxy resets only connections that began after the toxic was added; older ones end with a plain close."""

    target_type = Link

    async def inject(self, target: Link, parameters: dict[str, Any]) -> dict[str, Any]:
        before = await target.probe(PATIENCE)
        await target.add_toxic("reset_peer", timeout=0)
        return {"outcome": before.outcome}

    async def evidence(self, target: Link, parameters: dict[str, Any], before: dict[str, Any]) -> Evidence:
        """It bit if every one of some new connections was reset and the one before was answered."""
        outcomes = [(await target.probe(PATIENCE)).outcome for _ in range(TRIES)]
        bit = before["outcome"] == "answered" and set(outcomes) == {"reset"}
        return Evidence(bit, {"before": before["outcome"], "during": outcomes, "errors": outcomes.count("reset")})

    async def heal(self, target: Link) -> None:
        await target.reset()


FAULT = ResetPeer()
