from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core.connections import proxies

CLAUSE = "PROTOCOL-252"
WRONG = "reads X-Forwarded-Proto whoever sent it"
SAYS = "http by ['203.0.113.0/24']"

scheme = proxies._scheme


def scheme_of_anybody(request: web.Request, hops: int) -> str:
    return scheme(request, max(hops, 1))


def mutate() -> None:
    patch.object(proxies, "_scheme", scheme_of_anybody).start()
