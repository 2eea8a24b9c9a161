"""The store loses the end of what it had answered, as where a replica that lagged takes over: killed, and set back."""

import asyncio
from random import Random
from typing import Any

from bodhisattva.chaos.fault import Evidence, Fault
from bodhisattva.fixtures.stack.redis import Redis


class LoseTail(Fault[Redis]):
    """lag: seconds of writes that are lost."""

    target_type = Redis

    def parameters(self, rng: Random) -> dict[str, Any]:
        return {"lag": round(rng.uniform(0.5, 1.2), 2)}

    async def inject(self, target: Redis, parameters: dict[str, Any]) -> dict[str, Any]:
        await asyncio.to_thread(target.back_up)
        await asyncio.sleep(parameters["lag"])
        await target.kill()
        size = await asyncio.to_thread(target.size)
        await asyncio.to_thread(target.restore)
        return {"bytes": size}

    async def evidence(self, target: Redis, parameters: dict[str, Any], before: dict[str, Any]) -> Evidence:
        """It bit if the store holds less than it had, and does not run."""
        size = await asyncio.to_thread(target.size)
        down = not await target.running()
        return Evidence(down and size < before["bytes"], {"before": before["bytes"], "during": size, "down": down})

    async def heal(self, target: Redis) -> None:
        if not await target.running():
            await target.start()


FAULT = LoseTail()
