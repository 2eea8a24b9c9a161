from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core import http
from bodhisattva.servers.core.config import Config
from bodhisattva.servers.core.service import Service

CLAUSE = "PROTOCOL-065"
WRONG = "has a default of its own for the channels of a connection"
SAYS = "{'channels': 100}"

description = http.description


def describe_less(service: Service, config: Config) -> dict[str, Any]:
    claimed = description(service, config)
    claimed["limits"]["channels"] = 100
    return claimed


def mutate() -> None:
    patch.object(http, "description", describe_less).start()
