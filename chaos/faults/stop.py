"""The service, or the store, shuts down in order (SIGTERM) and is started again: a deployment."""

from typing import Any

from bodhisattva.chaos.fault import Evidence, Fault
from bodhisattva.chaos.probe import probe_node
from bodhisattva.fixtures.stack.node import Node

PATIENCE = 2.0


class Stop(Fault[Node]):
    target_type = Node

    async def inject(self, target: Node, parameters: dict[str, Any]) -> dict[str, Any]:
        was_running = await target.running()
        return {"running": was_running, "exit_code": await target.stop()}

    async def evidence(self, target: Node, parameters: dict[str, Any], before: dict[str, Any]) -> Evidence:
        """It bit if a running service ended by itself, with exit code 0, and answers no request."""
        during = await probe_node(target, PATIENCE)
        bit = before["running"] and before["exit_code"] == 0 and during.outcome != "answered"
        return Evidence(bit, {**before, "during": during.outcome})

    async def heal(self, target: Node) -> None:
        if not await target.running():
            await target.start()


FAULT = Stop()
