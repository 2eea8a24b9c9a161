"""The service, or the store, is frozen: its sockets stay open, and it neither reads nor writes."""

from contextlib import suppress
from typing import Any

from bodhisattva.chaos.fault import Evidence, Fault
from bodhisattva.chaos.probe import probe_node
from bodhisattva.fixtures.stack.node import Node

PATIENCE = 5.0
SILENCE = 1.0


class Pause(Fault[Node]):
    target_type = Node

    async def inject(self, target: Node, parameters: dict[str, Any]) -> dict[str, Any]:
        before = await probe_node(target, PATIENCE)
        await target.pause()
        return {"outcome": before.outcome}

    async def evidence(self, target: Node, parameters: dict[str, Any], before: dict[str, Any]) -> Evidence:
        """It bit if a service that answered before sends nothing for SILENCE seconds, and runs."""
        during = await probe_node(target, SILENCE)
        alive = await target.running()
        bit = before["outcome"] == "answered" and during.outcome == "silent" and alive
        return Evidence(bit, {"before": before["outcome"], "during": during.outcome, "running": alive})

    async def heal(self, target: Node) -> None:
        # An engine refuses to thaw what is not frozen; whether it runs is what counts.
        with suppress(OSError):
            await target.resume()
        await target.ready()


FAULT = Pause()
