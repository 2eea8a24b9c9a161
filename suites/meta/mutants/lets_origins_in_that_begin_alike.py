from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core.connections import upgrade

CLAUSE = "SECURITY-002"
WRONG = "lets pages in whose origin only begins like one on the list"
SAYS = "DID NOT RAISE"

check = upgrade.check


def check_beginnings(request: web.Request, origins: tuple[str, ...]) -> None:
    origin = request.headers.get("Origin", "")
    check(request, (*origins, origin) if origin.startswith(origins or ("nothing",)) else origins)


def mutate() -> None:
    patch.object(upgrade, "check", check_beginnings).start()
