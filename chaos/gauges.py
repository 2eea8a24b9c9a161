"""The gauges that a service reports at /metrics (protocol 7)."""

import re

from bodhisattva.fixtures.stack.node import Node

_TIMEOUT = 30.0
MEMORY = "process_resident_memory_bytes"
ANSWERS = "websocket_answers_kept"
CONNECTIONS = "websocket_connections_current"
DESCRIPTORS = "process_open_fds"
COUNTS = {
    CONNECTIONS: "connections",
    "websocket_channels_current": "channels",
    "websocket_subscriptions_current": "subscriptions",
    "websocket_members_current": "members",
    "websocket_users_current": "users",
    ANSWERS: "answers kept",
    "websocket_log_lag_entries": "entries not yet durable",
    "asyncio_tasks": "tasks",
    DESCRIPTORS: "descriptors",
}
ALLOWED = {ANSWERS: 1.0}
"""More than before, when idle: the service keeps its last answers until the next command."""
NAMES = {**COUNTS, MEMORY: "memory"}


async def read_gauges(node: Node) -> dict[str, float]:
    """Every gauge of NAMES by its metric's name, counts and bytes; AssertionError names those that are missing."""
    text = (await node.http("/metrics", within=_TIMEOUT)).text
    values = {name: float(value) for name, value in re.findall(r"^(\w+)(?:\{.*\})? (\S+)$", text, re.MULTILINE)}
    missing = NAMES.keys() - values.keys()
    assert not missing, f"/metrics has no {', '.join(sorted(missing))}"
    return {name: values[name] for name in NAMES}
