from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core.auth.tokens import Identity, Verifier
from bodhisattva.servers.core.config import Tls
from bodhisattva.servers.core.connections import upgrade

CLAUSE = "TLS-022"
WRONG = "takes a header's token of another user than the certificate's"
SAYS = "DID NOT RAISE"

certify = upgrade.certify


def token_first(request: web.Request, verifier: Verifier | None, tls: Tls, bearer: Identity | None) -> Identity | None:
    return bearer or certify(request, verifier, tls, bearer)


def mutate() -> None:
    patch.object(upgrade, "certify", token_first).start()
