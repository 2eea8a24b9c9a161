"""Mahavishnu's published server; a workflow's status is answered only where there is a pool manager."""

from mahavishnu.websocket.server import MahavishnuWebSocketServer  # pyright: ignore[reportMissingImports]

from . import port, serve, triggered

serve(lambda: triggered(MahavishnuWebSocketServer)(pool_manager=object(), port=port(), require_auth=True))
