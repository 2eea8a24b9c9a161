from unittest.mock import patch

from aiohttp.http import SERVER_SOFTWARE

from bodhisattva.servers.core import http

CLAUSE = "SECURITY-245"
WRONG = "tells the versions of Python and its library in the Server header"
SAYS = "Server: Python"


def mutate() -> None:
    patch.object(http.web_response, "SERVER_SOFTWARE", SERVER_SOFTWARE).start()
