from unittest.mock import patch

from aiohttp import hdrs, web

from bodhisattva.servers.core.transport import handshake
from bodhisattva.servers.core.transport.handshake import Upgrade

CLAUSE = "SECURITY-005"
WRONG = "upgrades who sends no key, and makes one up"
SAYS = "{'Sec-WebSocket-Key': None}: 101"

KEY = "dGhlIHNhbXBsZSBub25jZQ=="

take_over = handshake.take_over


async def take_over_anyhow(request: web.Request, *, compress: bool) -> Upgrade:
    if hdrs.SEC_WEBSOCKET_KEY not in request.headers:
        request = request.clone(headers={**request.headers, hdrs.SEC_WEBSOCKET_KEY: KEY})
    return await take_over(request, compress=compress)


def mutate() -> None:
    patch.object(handshake, "take_over", take_over_anyhow).start()
