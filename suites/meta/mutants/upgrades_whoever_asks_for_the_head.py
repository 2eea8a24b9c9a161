from typing import Any
from unittest.mock import patch

from aiohttp.web import UrlDispatcher

CLAUSE = "SECURITY-007"
WRONG = "upgrades a HEAD like a GET"
SAYS = "HEAD /: 101"

add_get = UrlDispatcher.add_get


def add_both(router: UrlDispatcher, path: str, handler: Any, **_options: Any) -> Any:
    return add_get(router, path, handler)


def mutate() -> None:
    patch.object(UrlDispatcher, "add_get", add_both).start()
