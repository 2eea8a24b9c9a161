from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core import http
from bodhisattva.servers.core.config import Config
from bodhisattva.servers.core.service import Service

CLAUSE = "PROTOCOL-078"
WRONG = "claims a server name that is not the protocol's"
SAYS = "'session-buddy-server' == 'session-buddy'"

description = http.description


def describe_as_server(service: Service, config: Config) -> dict[str, Any]:
    return {**description(service, config), "server": f"{service.server}-server"}


def mutate() -> None:
    patch.object(http, "description", describe_as_server).start()
