"""Crackerjack's published server; it takes a manager, and the samples ask nothing of it."""

from crackerjack.websocket.server import CrackerjackWebSocketServer  # pyright: ignore[reportMissingImports]

from . import port, serve, triggered

serve(lambda: triggered(CrackerjackWebSocketServer)(qc_manager=object(), port=port(), require_auth=True))
