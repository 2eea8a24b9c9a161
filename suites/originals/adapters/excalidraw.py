"""Excalidraw's published server; its manager has no diagrams."""

from excalidraw_mcp.websocket.server import ExcalidrawWebSocketServer  # pyright: ignore[reportMissingImports]

from . import port, serve, triggered

serve(lambda: triggered(ExcalidrawWebSocketServer)(diagram_manager=object(), port=port(), require_auth=True))
