from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core.domain import Event
from bodhisattva.servers.crackerjack import quality

CLAUSE = "PROTOCOL-111"
WRONG = "tells of coverage to those who follow the project, and to nobody on coverage"
SAYS = "coverage.updated"


def tell_the_project(name: str, project: str, data: dict[str, Any]) -> Event:
    return Event(name, (f"quality:{project}",), data)


def mutate() -> None:
    patch.object(quality, "_event", tell_the_project).start()
