"""What the service says that it holds: its own gauges at /metrics, read over HTTP."""

import re

from bodhisattva.fixtures.stack.node import Node

_PATIENCE = 30.0
MEMORY = "process_resident_memory_bytes"
ANSWERS = "websocket_answers_kept"
COUNTS = {
    "websocket_connections_current": "connections",
    "websocket_channels_current": "channels",
    "websocket_subscriptions_current": "subscriptions",
    "websocket_members_current": "members",
    "websocket_users_current": "users",
    ANSWERS: "answers kept",
    "websocket_log_lag_entries": "entries not yet durable",
    "asyncio_tasks": "tasks",
    "process_open_fds": "descriptors",
}
NAMES = {**COUNTS, MEMORY: "memory"}


class Missing(Exception):
    """The service does not say what is to be judged."""


async def read(node: Node) -> dict[str, float]:
    """Every gauge by its metric's name; Missing names those that are not there."""
    text = (await node.http("/metrics", within=_PATIENCE)).text
    values = {name: float(value) for name, value in re.findall(r"^(\w+)(?:\{.*\})? (\S+)$", text, re.MULTILINE)}
    if lacking := sorted(NAMES.keys() - values.keys()):
        raise Missing(f"/metrics of {node.service} has no {', '.join(lacking)}")
    return {name: values[name] for name in NAMES}
