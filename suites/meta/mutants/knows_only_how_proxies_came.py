from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core.connections import proxies

CLAUSE = "PROTOCOL-252"
WRONG = "tells clients how their proxy came"
SAYS = "http by ['127.0.0.0/8'"


def scheme(request: web.Request, _hops: int) -> str:
    return request.scheme


def mutate() -> None:
    patch.object(proxies, "_scheme", scheme).start()
