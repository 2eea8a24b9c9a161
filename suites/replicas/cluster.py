"""A Redis and the replicas on it that are a test's own, and waits for what they detect."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.stack.redis import Redis

# Soon enough for a test to wait for it, and long enough for a busy machine.
PATIENCE = 1
OUTAGE_DETECTION = PATIENCE + 5


@dataclass(frozen=True)
class Cluster:
    """Replicas of one service, and the Redis that holds their log."""

    store: Redis
    replicas: Sequence[Node]

    async def put_back(self) -> None:
        """The store dies, and comes back as it was when a copy was put aside."""
        await self.store.kill()
        self.store.restore()
        await self.store.start()


class Start(Protocol):
    """Starts a Redis and replicas on it that are the test's own, removed after it."""

    async def __call__(self, service: str, count: int = 2, **overrides: Any) -> Cluster: ...


async def wait_for_ready_status(node: Node, status: int) -> None:
    """Wait until /ready answers so: 503 once a service has noticed that its store is gone, 200 once it has it again."""

    async def so() -> bool:
        return (await node.http("/ready")).status == status

    await eventually(so, f"/ready to answer {status}", OUTAGE_DETECTION)
