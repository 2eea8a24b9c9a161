"""What the clauses about tokens share: how a service refuses one."""

from bodhisattva.fixtures.endings import Close
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.stack.node import Node

AUTHENTICATION_FAILED = Close(1008, "Authentication failed")
AUTHENTICATION_REQUIRED = Close(1008, "Authentication required")


async def assert_token_rejected(connect: Connect, node: Node, token: object) -> None:
    """AUTH_FAILED in answer to `auth`, then 1008, and nothing besides."""
    client = await connect(node, authenticate=False)
    error = await client.refusal("auth", {"token": token})
    assert error.error_code == "AUTH_FAILED", f"refused otherwise: {error!r}"
    assert await client.closed() == AUTHENTICATION_FAILED
    assert not client.inbox, f"more than a refusal: {client.inbox}"
