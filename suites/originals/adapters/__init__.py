"""One file a service starts its published server on a loopback port; a file that is here is an adapter.

They run in the published package's interpreter, so they import nothing of this project's but this file.
"""

import asyncio
import sys
from typing import Any

TRIGGER = "broadcast_"


def port() -> int:
    """The port that the scorecard chose."""
    return int(sys.argv[1])


def triggered(published: Any) -> Any:
    """The published class; a request named like one of its broadcast methods calls that with its data.

    The package's own functions make the answer. Every other message goes where it went before.
    """
    # The other interpreter alone has this package, and not every original needs it.
    from mcp_common.websocket import WebSocketProtocol  # pyright: ignore[reportMissingImports]

    class Triggered(published):  # type: ignore[misc] # the class is known only there
        async def on_message(self, websocket: Any, message: Any) -> None:
            if message.type != "request" or not str(message.event).startswith(TRIGGER):
                await super().on_message(websocket, message)
                return
            await getattr(self, message.event)(**message.data)
            answer = WebSocketProtocol.create_response(message, {"status": "broadcast"})
            await websocket.send(WebSocketProtocol.encode(answer))

    return Triggered


def serve(make: Any) -> None:
    """Make the server and start it, until standard input ends, as it does with the process that started this one."""
    asyncio.run(_serve(make))


async def _serve(make: Any) -> None:
    await make().start()
    ended = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(ended), sys.stdin)
    await ended.read()
