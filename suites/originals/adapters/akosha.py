"""Akosha's published server; it takes an engine, and asks nothing of it."""

from akosha.websocket.server import AkoshaWebSocketServer  # pyright: ignore[reportMissingImports]

from . import port, serve, triggered

serve(lambda: triggered(AkoshaWebSocketServer)(analytics_engine=object(), port=port(), require_auth=True))
