from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core.auth.tokens import Identity, Verifier
from bodhisattva.servers.core.config import Tls
from bodhisattva.servers.core.connections import upgrade

CLAUSE = "TLS-020"
WRONG = "asks for a token although the certificate names the user"
SAYS = "AUTH_REQUIRED"
ALSO = ("TLS-021", "TLS-022", "TLS-023", "TLS-026", "TLS-027")


def by_token(_: web.Request, __: Verifier | None, ___: Tls, bearer: Identity | None) -> Identity | None:
    return bearer


def mutate() -> None:
    patch.object(upgrade, "certify", by_token).start()
