"""What holds for every journey between services."""

import pytest

from bodhisattva.fixtures.stack.base import Stack
from bodhisattva.fixtures.stack.controls import Capability


@pytest.fixture(autouse=True)
def writable(fleet: Stack) -> None:
    """A journey leaves records behind wherever it comes by."""
    for node in fleet.nodes.values():
        node.require(Capability.WRITE)
