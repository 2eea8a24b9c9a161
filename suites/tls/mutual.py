"""Services that require client certificates."""

from typing import Any

from bodhisattva.fixtures.certificates import Authority
from bodhisattva.fixtures.fixture_types import Fresh
from bodhisattva.fixtures.stack.node import Node

MUTUAL: dict[str, Any] = {"client_ca": "ca.pem", "verify_client": True}


async def spawn_mutual(fresh: Fresh, certificates: Authority, **tls: Any) -> Node:
    """Such a service; `trust` has a certificate of `suite`, as /ready needs one."""
    node = await fresh(wait=False, tls=MUTUAL | tls)
    node.trust = certificates.trust(certificates.client())
    await node.ready()
    return node
