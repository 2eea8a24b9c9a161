from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core import http
from bodhisattva.servers.core.config import Config
from bodhisattva.servers.core.service import Service

CLAUSE = "LIFECYCLE-001"
WRONG = "names itself otherwise than the protocol does"
SAYS = "'session_buddy' == 'session-buddy'"

description = http.description


def describe_by_module(service: Service, config: Config) -> dict[str, Any]:
    return {**description(service, config), "service": service.name.replace("-", "_")}


def mutate() -> None:
    patch.object(http, "description", describe_by_module).start()
