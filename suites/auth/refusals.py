"""What the clauses about tokens share: how a service turns one away."""

from bodhisattva.fixtures.endings import Close
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.stack.base import Node

FAILED = Close(1008, "Authentication failed")
REQUIRED = Close(1008, "Authentication required")


async def assert_refused(connect: Connect, node: Node, token: object) -> None:
    """AUTH_FAILED in answer to `auth`, then 1008, and nothing besides."""
    client = await connect(node, authenticate=False)
    error = await client.refusal("auth", {"token": token})
    assert error.error_code == "AUTH_FAILED", f"refused otherwise: {error!r}"
    assert await client.closed() == FAILED
    assert not client.inbox, f"more than a refusal: {client.inbox}"
