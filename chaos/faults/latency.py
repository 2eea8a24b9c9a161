"""The service's answers arrive late: nothing is lost, everything takes longer."""

from random import Random
from typing import Any

from bodhisattva.chaos.fault import Evidence, Fault
from bodhisattva.chaos.toxiproxy import Link

PATIENCE = 5.0


class Latency(Fault[Link]):
    """latency: milliseconds. Jitter stays 0, because Toxiproxy draws it from a generator that takes no seed."""

    target_type = Link

    def parameters(self, rng: Random) -> dict[str, Any]:
        return {"latency": rng.randrange(150, 500)}

    async def inject(self, target: Link, parameters: dict[str, Any]) -> dict[str, Any]:
        before = await target.probe(PATIENCE)
        await target.add_toxic("latency", latency=parameters["latency"], jitter=0)
        return {"seconds": before.seconds}

    async def evidence(self, target: Link, parameters: dict[str, Any], before: dict[str, Any]) -> Evidence:
        """It bit if a request takes at least the added delay."""
        during = await target.probe(PATIENCE)
        added = parameters["latency"] / 1000
        bit = during.outcome == "answered" and during.seconds >= added
        return Evidence(bit, {"before": before["seconds"], "during": during.seconds, "added": added})

    async def heal(self, target: Link) -> None:
        await target.reset()


FAULT = Latency()
