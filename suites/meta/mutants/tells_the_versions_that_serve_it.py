from unittest.mock import patch

from aiohttp.http import SERVER_SOFTWARE

CLAUSE = "SECURITY-245"
WRONG = "tells the versions of Python and its library in the Server header"
SAYS = "Server: Python"

CHOSEN = "bodhisattva.servers.core.http.web_response.SERVER_SOFTWARE"


def mutate() -> None:
    patch(CHOSEN, SERVER_SOFTWARE).start()
