"""Sockets that are opened and send nothing."""

from bodhisattva.fixtures.fixture_types import Raw
from bodhisattva.fixtures.raw import RawPeer
from bodhisattva.fixtures.stack.node import Node

MAX_PENDING = 6
"""The limit of pending connections: for idle ones, and for readiness checks."""
IDLE_KEPT = 2
IDLE_EXTRA = 12


async def open_idle(raw: Raw, node: Node, count: int) -> list[RawPeer]:
    """Sockets on which not even TLS begins."""
    return [await raw(node, upgrade=False, trust=None) for _ in range(count)]


def closed_peers(peers: list[RawPeer]) -> list[RawPeer]:
    """Those that the service has closed or reset."""
    return [peer for peer in peers if peer.over]
