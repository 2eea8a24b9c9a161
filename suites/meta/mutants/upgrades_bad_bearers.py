from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core.auth.tokens import Identity, Verifier
from bodhisattva.servers.core.connections import upgrade

CLAUSE = "AUTH-051"
WRONG = "upgrades a request with a bad bearer token, as if it had none"
SAYS = "DID NOT RAISE"

identify = upgrade.identify


def identify_or_wait(request: web.Request, verifier: Verifier | None) -> Identity | None:
    try:
        return identify(request, verifier)
    except web.HTTPUnauthorized:
        return None


def mutate() -> None:
    patch.object(upgrade, "identify", identify_or_wait).start()
