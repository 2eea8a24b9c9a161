from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core import http
from bodhisattva.servers.core.config import Config
from bodhisattva.servers.core.service import Service

CLAUSE = "PROTOCOL-075"
WRONG = "claims a query that it does not have"
SAYS = "get_everything"

description = http.description


def describe_more(service: Service, config: Config) -> dict[str, Any]:
    claimed = description(service, config)
    claimed["requests"]["queries"].append("get_everything")
    return claimed


def mutate() -> None:
    patch.object(http, "description", describe_more).start()
