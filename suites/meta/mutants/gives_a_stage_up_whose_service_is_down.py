import asyncio
from typing import Any
from unittest.mock import patch

from yarl import URL

from bodhisattva.servers.mahavishnu.runner import CallFailed, _Calling

CLAUSE = "DEGRADATION-014"
WRONG = "gives a stage up when nobody listens where its service should be"
SAYS = "is running"

ask_once = _Calling._ask_once


async def ask_if_there(calling: _Calling, timeout: float) -> dict[str, Any]:
    service = calling._due.call.service
    url = URL(calling._host._config().peers[service].url)
    try:
        _, writer = await asyncio.open_connection(url.host, url.port)
    except OSError:
        raise CallFailed(f"{service} is down.", without_effect=True) from None
    writer.close()
    return await ask_once(calling, timeout)


def mutate() -> None:
    patch.object(_Calling, "_ask_once", ask_if_there).start()
