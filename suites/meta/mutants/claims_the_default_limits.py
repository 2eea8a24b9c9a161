from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core import http
from bodhisattva.servers.core.config import Config, Limits
from bodhisattva.servers.core.service import Service

CLAUSE = "PROTOCOL-076"
WRONG = "claims the default limits whatever is configured"
SAYS = "1048576"

description = http.description


def describe_defaults(service: Service, config: Config) -> dict[str, Any]:
    return description(service, replace(config, limits=Limits()))


def mutate() -> None:
    patch.object(http, "description", describe_defaults).start()
