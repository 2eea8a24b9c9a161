"""A service is held to the claims of its well-known document (6)."""

import uuid
from typing import Any

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect, Fresh
from bodhisattva.fixtures.stack.node import Node

SERVERS = {"excalidraw": "excalidraw-mcp"}
REQUESTS = {
    "mahavishnu": (
        {"get_workflow_status", "get_pool_status", "list_workflows"},
        {"start_workflow", "complete_stage", "complete_workflow", "fail_workflow", "set_worker_status", "create_team"},
    ),
    "session-buddy": (
        {"get_session", "list_sessions", "search_knowledge", "get_skill_metrics"},
        {
            *("create_session", "update_session", "checkpoint_session", "close_session"),
            *("capture_knowledge", "record_skill"),
        },
    ),
    "crackerjack": (
        {"get_test_status", "get_quality_gate"},
        {"start_test_run", "record_test_result", "complete_test_run", "record_coverage", "check_quality_gate"},
    ),
    "akosha": ({"get_patterns", "get_anomalies", "get_series"}, {"ingest", "aggregate"}),
    "dhruva": (
        {"get_adapter", "get_adapter_status", "list_adapters", "get_adapter_content"},
        {"store_adapter", "distribute_adapter", "acknowledge_distribution"},
    ),
    "excalidraw": (
        {"get_diagram", "get_diagram_status", "list_diagrams"},
        {"create_diagram", "update_diagram", "delete_diagram", "move_cursor", "join_diagram", "leave_diagram"},
    ),
    "fastblocks": ({"get_component_status", "get_state"}, {"render_component", "update_component", "set_state"}),
}
LABELS = {"service", "server", "message_type", "error_type", "channel_kind", "le"}


@clause(
    "PROTOCOL-075",
    level="MUST",
    section="6",
    feature="core",
    profile="operable",
    text="Every query and command that a service claims is one that it takes.",
)
async def test_claimed_requests_are_taken(connect: Connect, node: Node) -> None:
    client = await connect()
    claimed = (await node.well_known())["requests"]
    for name in (*claimed["queries"], *claimed["commands"]):
        reply = await client.request(name, {"nothing of this is known": True})
        assert reply.error_code not in {"UNKNOWN_REQUEST", "INTERNAL_ERROR"}, f"{name}: {reply!r}"
    assert not set(claimed["queries"]) & set(claimed["commands"]), "a request is claimed as both"


@clause(
    "PROTOCOL-076",
    level="MUST",
    section="6",
    feature="core",
    profile="operable",
    text="The limits in the well-known document are those in force, not the defaults.",
)
async def test_claimed_limits_are_those_in_force(connect: Connect, fresh: Fresh) -> None:
    node = await fresh(
        limits={"message_bytes": 4096, "nesting": 7, "channels": 3, "messages_per_second": 40, "burst_factor": 2},
        timeouts={"auth": 3},
    )
    claimed = await node.limits()
    expected = {
        "message_bytes": 4096,
        "nesting": 7,
        "channels": 3,
        "messages_per_second": 40,
        "burst": 80,
        "auth_timeout": 3,
    }
    assert {name: claimed[name] for name in expected} == expected
    client = await connect(node)
    await client.send({"type": "request", "id": "big", "event": "ping", "data": {"x": "x" * 4096}})
    assert (await client.closed()).code == 1009, "a claimed limit is not in force"


@clause(
    "PROTOCOL-077",
    level="MUST",
    section="6",
    feature="metrics",
    profile="operable",
    text="The labels of the metrics come from bounded sets: nothing that a client chose is among them.",
)
async def test_labels_are_bounded(connect: Connect, node: Node) -> None:
    chosen = f"chosen-{uuid.uuid4().hex}"
    client = await connect(user=chosen)
    channels = [each["kind"] for each in (await node.well_known())["channels"]]
    for kind in channels:
        await client.request("subscribe", {"channel": f"{kind}{chosen}" if kind.endswith(":") else kind})
    strange: list[dict[str, Any]] = [
        {"type": chosen},
        {"type": "request", "event": chosen},
        {"type": "event", "event": chosen, "room": chosen},
        {"type": "request", "event": "subscribe", "data": {"channel": chosen}},
    ]
    for frame in strange:
        await client.send({"id": "strange", **frame})
        await client.reply("strange")
    text = await node.metrics()
    assert chosen not in text, "a name that a client chose is in the metrics"
    lines = [line for line in text.splitlines() if line.startswith("websocket_")]
    assert lines, "there are no metrics whose labels could be looked at"
    names = {pair.partition("=")[0] for line in lines for pair in _labels(line)}
    assert names <= LABELS, f"labels that the protocol does not know: {names - LABELS}"


@clause(
    "PROTOCOL-078",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A service calls itself by the server name that the protocol gives it, in its claims and in its welcome.",
    services=("mahavishnu", "session-buddy", "crackerjack", "akosha", "dhruva", "excalidraw", "fastblocks"),
)
async def test_server_name(connect: Connect, node: Node, service: str) -> None:
    expected = SERVERS.get(service, service)
    assert (await node.well_known())["server"] == expected
    welcome = (await connect()).welcome
    assert welcome is not None
    assert welcome.data["server"] == expected


@clause(
    "PROTOCOL-079",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A service has the queries and commands that the protocol names for it.",
    services=("mahavishnu", "session-buddy", "crackerjack", "akosha", "dhruva", "excalidraw", "fastblocks"),
)
async def test_requests_of_the_protocol(connect: Connect, node: Node, service: str) -> None:
    queries, commands = REQUESTS[service]
    client = await connect()
    for name in sorted(queries | commands):
        reply = await client.request(name, {"nothing of this is known": True})
        assert reply.error_code != "UNKNOWN_REQUEST", f"there is no {name}"
    claimed = (await node.well_known())["requests"]
    assert queries <= set(claimed["queries"]), f"no queries {sorted(queries - set(claimed['queries']))}"
    assert commands <= set(claimed["commands"]), f"no commands {sorted(commands - set(claimed['commands']))}"


def _labels(line: str) -> list[str]:
    """The `name="value"` pairs of a sample; no value of a service has a comma in it."""
    return line.partition("{")[2].partition("}")[0].split(",") if "{" in line else []
