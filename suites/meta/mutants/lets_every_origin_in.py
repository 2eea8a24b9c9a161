from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core.connections import upgrade

CLAUSE = "SECURITY-001"
WRONG = "looks at no Origin"
SAYS = "DID NOT RAISE"

check = upgrade.check


def check_the_rest(request: web.Request, _origins: tuple[str, ...]) -> None:
    check(request, ("*",))


def mutate() -> None:
    patch.object(upgrade, "check", check_the_rest).start()
