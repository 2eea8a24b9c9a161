import asyncio
from unittest.mock import patch

from bodhisattva.servers.client.link import Link

CLAUSE = "CROSS-009"
WRONG = "connects to another service until it has a connection, and never again once that has ended"
SAYS = "in vain for: 24 workflows take effect"

once = Link._once


async def once_at_all(link: Link) -> None:
    if link.connections:
        await asyncio.Event().wait()
    await once(link)


def mutate() -> None:
    patch.object(Link, "_once", once_at_all).start()
