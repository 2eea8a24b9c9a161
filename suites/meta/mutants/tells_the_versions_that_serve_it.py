from unittest.mock import patch

from aiohttp import web_response
from aiohttp.http import SERVER_SOFTWARE

CLAUSE = "SECURITY-245"
WRONG = "tells the versions of Python and its library in the Server header"
SAYS = "Server: Python"


def mutate() -> None:
    patch.object(web_response, "SERVER_SOFTWARE", SERVER_SOFTWARE).start()
