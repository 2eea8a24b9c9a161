"""How long an example takes shows something about the machine, not about the property: hypothesis does not judge it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from bodhisattva.servers.tests.redis_server import RedisServer, redis_server
from bodhisattva.servers.tests.replicas import replicas
from bodhisattva.servers.tests.running import Running

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


NEEDING_REDIS = frozenset({"redis", "own", "pair"})


def pytest_itemcollected(item: pytest.Item) -> None:
    """What takes one of these fixtures needs more than Python."""
    if not NEEDING_REDIS.isdisjoint(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.deploy)


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """A Redis for all tests that neither break it nor touch each other's keys."""
    with redis_server() as server:
        yield server


@pytest.fixture
def own() -> Iterator[RedisServer]:
    """A Redis that the test may break."""
    with redis_server() as server:
        yield server


@pytest.fixture
async def pair(redis: RedisServer) -> AsyncIterator[list[Running]]:
    """Two replicas of the ledger."""
    async with replicas(redis) as both:
        yield both
