from typing import Any
from unittest.mock import patch

from bodhisattva.servers.core import http
from bodhisattva.servers.core.config import Config
from bodhisattva.servers.core.service import Service

CLAUSE = "PROTOCOL-070"
WRONG = "does not say how long its drain takes at most"
SAYS = "no claim about ['drain_timeout']"

description = http.description


def describe_the_rest(service: Service, config: Config) -> dict[str, Any]:
    claimed = description(service, config)
    del claimed["limits"]["drain_timeout"]
    return claimed


def mutate() -> None:
    patch.object(http, "description", describe_the_rest).start()
