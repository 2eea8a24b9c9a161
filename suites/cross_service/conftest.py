"""What holds for every clause about several services."""

import pytest

from bodhisattva.fixtures.stack.base import Stack
from bodhisattva.fixtures.stack.controls import Capability


@pytest.fixture(autouse=True)
def writable(fleet: Stack) -> None:
    """A workflow leaves records in every service that follows it."""
    for node in fleet.nodes.values():
        node.require(Capability.WRITE)
