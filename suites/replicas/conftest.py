"""Replicas to test with: another of the shared service, or a Redis and two replicas of the test's own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bodhisattva.fixtures.evidence import add_source
from bodhisattva.fixtures.fixture_types import Spawn
from bodhisattva.fixtures.stack.base import Stack
from bodhisattva.fixtures.stack.controls import Capability
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.stack.redis import Redis
from bodhisattva.suites.replicas.cluster import PATIENCE, Cluster, Start


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
