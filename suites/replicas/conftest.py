"""Replicas to test with: another of the shared service, or a Redis and two replicas of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from bodhisattva.fixtures.authors import Spawn
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.evidence import add_source
from bodhisattva.fixtures.stack.base import Node, Stack
from bodhisattva.fixtures.stack.controls import Capability
from bodhisattva.fixtures.stack.redis import Redis

# Soon enough for a test to wait for it, and long enough for a busy machine.
PATIENCE = 1
NOTICED = PATIENCE + 5


@dataclass(frozen=True)
class Cluster:
    """Replicas of one service, and the Redis that holds their log."""

    store: Redis
    replicas: Sequence[Node]

    async def put_back(self) -> None:
        """The store dies, and comes back as it was when a copy was put aside."""
        await self.store.kill()
        self.store.take_back()
        await self.store.start()


class Start(Protocol):
    """Starts a Redis and replicas on it that are the test's own, removed after it."""

    async def __call__(self, service: str, count: int = 2, **overrides: Any) -> Cluster: ...


@pytest.fixture
async def other(fleet: Stack, service: str, request: pytest.FixtureRequest) -> Node:
    """Another replica of the test's node; shared, as that is."""
    node = await asyncio.to_thread(fleet.replica, service)
    if node.allows(Capability.LOGS):
        add_source(request.node, f"log of the other {service}", node.controls.log)
    return node


@pytest.fixture
async def cluster(fleet: Stack, spawn: Spawn, request: pytest.FixtureRequest) -> AsyncIterator[Start]:
    made: list[Redis] = []

    async def start(service: str, count: int = 2, **overrides: Any) -> Cluster:
        fleet[service].require(Capability.FRESH)
        store = fleet.redis()
        made.append(store)
        add_source(request.node, "log of Redis", store.controls.log)
        await store.start()
        log = {**store.section("cluster"), "timeout": PATIENCE}
        replicas = await asyncio.gather(*(spawn(service, log=log, **overrides) for _ in range(count)))
        return Cluster(store, replicas)

    yield start
    for store in made:
        await asyncio.to_thread(store.controls.remove)


async def shows(node: Node, status: int) -> None:
    """Wait until /ready answers so: 503 once a service has noticed that its store is gone, 200 once it has it again."""

    async def so() -> bool:
        return (await node.http("/ready")).status == status

    await eventually(so, f"/ready to answer {status}", NOTICED)
