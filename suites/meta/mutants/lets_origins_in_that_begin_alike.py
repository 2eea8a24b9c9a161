from unittest.mock import patch

import msgspec
from aiohttp import web

from bodhisattva.servers.core.config import Config
from bodhisattva.servers.core.connections import origin
from bodhisattva.servers.core.connections.origin import Refusals

CLAUSE = "SECURITY-002"
WRONG = "lets pages in whose origin only begins like one on the list"
SAYS = "DID NOT RAISE"

check = origin.check


def check_beginnings(request: web.Request, config: Config, refusals: Refusals) -> None:
    asked = request.headers.get("Origin", "")
    similar = [asked for each in config.origins if asked.startswith(each)]
    check(request, msgspec.structs.replace(config, origins=(*config.origins, *similar)), refusals)


def mutate() -> None:
    patch.object(origin, "check", check_beginnings).start()
