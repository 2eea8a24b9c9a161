from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core.connections import upgrade

CLAUSE = "SECURITY-003"
WRONG = "calls a request for another version of WebSocket a bad one, and does not say which it speaks"
SAYS = "version 12: 400"

check = upgrade.check


def check_tersely(request: web.Request) -> None:
    try:
        check(request)
    except web.HTTPUpgradeRequired:
        raise web.HTTPBadRequest from None


def mutate() -> None:
    patch.object(upgrade, "check", check_tersely).start()
