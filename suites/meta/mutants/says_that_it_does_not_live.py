from typing import Any
from unittest.mock import patch

from aiohttp import web

from bodhisattva.servers.core import http

CLAUSE = "PROTOCOL-072"
WRONG = "answers 503 at /health, as if it did not live"
SAYS = "/health"
ALSO = ("TLS-009",)

answer = http._json


def answer_unhealthily(document: dict[str, Any], status: int = 200) -> web.Response:
    return answer(document, 503 if document.get("status") == "alive" else status)


def mutate() -> None:
    patch.object(http, "_json", answer_unhealthily).start()
