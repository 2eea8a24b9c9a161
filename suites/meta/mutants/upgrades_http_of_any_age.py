from unittest.mock import patch

from aiohttp import HttpVersion10

from bodhisattva.servers.core.connections import upgrade

CLAUSE = "SECURITY-006"
WRONG = "upgrades requests of HTTP/1.0"
SAYS = "HTTP/1.0 at /: 101"


def mutate() -> None:
    patch.object(upgrade, "HttpVersion11", HttpVersion10).start()
