from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core.connections import upgrade

CLAUSE = "SECURITY-002"
WRONG = "lets pages in whose origin only begins like an allowed one"
SAYS = "DID NOT RAISE"

check = upgrade.check


def check_beginnings(request: web.Request, origins: tuple[str, ...]) -> None:
    origin = request.headers.get("Origin", "")
    check(request, (*origins, *(origin for each in origins if origin.startswith(each))))


def mutate() -> None:
    patch.object(upgrade, "check", check_beginnings).start()
