from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core.auth.tokens import Identity, Verifier
from bodhisattva.servers.core.connections import upgrade

CLAUSE = "AUTH-066"
WRONG = "takes a token from the header though it was revoked"
SAYS = "DID NOT RAISE"

identify = upgrade.identify


def identify_anybody(request: web.Request, verifier: Verifier | None) -> Identity | None:
    if verifier is None:
        return None
    with patch.object(verifier, "_revoked", ()):
        return identify(request, verifier)


def mutate() -> None:
    patch.object(upgrade, "identify", identify_anybody).start()
