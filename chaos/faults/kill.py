"""The service, or the store, ends without warning (SIGKILL) and is started again with what it had on disk."""

from typing import Any

from bodhisattva.chaos.fault import Evidence, Fault
from bodhisattva.chaos.probe import probe_node
from bodhisattva.fixtures.stack.node import Node

PATIENCE = 2.0
# A process is reported by its signal, a container by 128 + the signal.
KILLED = (-9, 137)


class Kill(Fault[Node]):
    target_type = Node

    async def inject(self, target: Node, parameters: dict[str, Any]) -> dict[str, Any]:
        was_running = await target.running()
        await target.kill()
        return {"running": was_running}

    async def evidence(self, target: Node, parameters: dict[str, Any], before: dict[str, Any]) -> Evidence:
        """It bit if a running service now has the exit code of SIGKILL and answers no request."""
        code = await target.exited()
        during = await probe_node(target, PATIENCE)
        bit = before["running"] and code in KILLED and during.outcome != "answered"
        return Evidence(bit, {"before": before, "exit_code": code, "during": during.outcome})

    async def heal(self, target: Node) -> None:
        if not await target.running():
            await target.start()


FAULT = Kill()
