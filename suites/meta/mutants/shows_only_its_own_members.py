from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.replicas.neighbours import Neighbours

CLAUSE = "REPLICAS-007"
WRONG = "shows the members that are connected to it, and not those of other replicas"
SAYS = "members: "


async def present(neighbours: Neighbours, channel: str) -> list[dict[str, Any]]:
    return neighbours._hub.present(channel)


def mutate() -> None:
    patch.object(Neighbours, "present", present).start()
