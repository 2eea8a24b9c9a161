"""How long an example takes says something about the machine, not about the property: hypothesis does not judge it."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from bodhisattva.servers.tests.redis_server import RedisServer, redis_server

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """A Redis for all tests that neither break it nor touch each other's keys."""
    with redis_server() as server:
        yield server
