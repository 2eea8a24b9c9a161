"""Session-buddy's published server; its metrics are broadcast by themselves, and no request triggers them."""

from pathlib import Path

from session_buddy.realtime.websocket_server import RealTimeMetricsServer  # pyright: ignore[reportMissingImports]

from . import port, serve

serve(lambda: RealTimeMetricsServer(port=port(), db_path=Path("skills.db"), require_auth=True))
