from unittest.mock import patch

from aiohttp.web_protocol import RequestHandler

CLAUSE = "SECURITY-030"
WRONG = "waits for the requests of a connection for as long as it takes"
SAYS = "in vain for: the end of the TCP connection"


def wait(*_: object) -> None:
    """Nobody is too slow."""


def mutate() -> None:
    patch.object(RequestHandler, "_process_keepalive", wait).start()
