"""The service's disk takes nothing more, and then does again; what it holds stays."""

import asyncio
from contextlib import suppress
from typing import Any

from bodhisattva.chaos.fault import Evidence, Fault
from bodhisattva.fixtures.clock import TimedOut, eventually
from bodhisattva.fixtures.stack.node import Node

NOTICED = 3.0


class FullDisk(Fault[Node]):
    """Of a service with a store of its own; it shows with the next command, which cannot be kept."""

    target_type = Node

    async def inject(self, target: Node, parameters: dict[str, Any]) -> dict[str, Any]:
        was_ready = await asyncio.to_thread(target.is_ready)
        await target.break_store()
        return {"ready": was_ready}

    async def evidence(self, target: Node, parameters: dict[str, Any], before: dict[str, Any]) -> Evidence:
        """It bit if a service that was ready is not within NOTICED, and lives."""

        async def not_ready() -> bool:
            return not await asyncio.to_thread(target.is_ready)

        with suppress(TimedOut):
            await eventually(not_ready, "the service to be without its store", NOTICED)
        ready, alive = not await not_ready(), await target.running()
        return Evidence(before["ready"] and not ready and alive, {"before": before, "ready": ready, "running": alive})

    async def heal(self, target: Node) -> None:
        await target.mend_store()
        await target.ready()


FAULT = FullDisk()
