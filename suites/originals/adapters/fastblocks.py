"""FastBlocks' published server."""

from fastblocks.websocket.server import FastblocksWebSocketServer  # pyright: ignore[reportMissingImports]

from . import port, serve, triggered

serve(lambda: triggered(FastblocksWebSocketServer)(port=port(), require_auth=True))
