from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core.auth.tokens import Identity, Verifier
from bodhisattva.servers.core.connections import upgrade

CLAUSE = "AUTH-052"
WRONG = "takes a token from the URL"
SAYS = "token in the URL authenticates"

identify = upgrade.identify


def identify_by_query(request: web.Request, verifier: Verifier | None) -> Identity | None:
    token = request.query.get("token")
    return verifier.verify(token) if token and verifier else identify(request, verifier)


def mutate() -> None:
    patch.object(upgrade, "identify", identify_by_query).start()
