"""Workflows of mahavishnu: start and complete them, and wait for their effects elsewhere."""

import uuid
from collections.abc import Sequence
from typing import Any

from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.wire import WireClient

PROPAGATION = 10.0
"""Units within which an event reaches the other service, reconnects included."""


def fresh_name(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:10]}"


async def start_workflow(
    mahavishnu: WireClient, stages: Sequence[str | dict[str, Any]] = ("only",), **more: Any
) -> str:
    """Start a workflow and return its id."""
    workflow_id = fresh_name("w")
    data = {"workflow_id": workflow_id, "adapter": "suite", "prompt": f"Cross with {workflow_id}", "stages": stages}
    await mahavishnu.answer("start_workflow", {**data, **more})
    return workflow_id


async def complete_workflow(mahavishnu: WireClient, workflow_id: str, *stages: str) -> None:
    """Complete these stages and the workflow."""
    for stage in stages:
        data = {"workflow_id": workflow_id, "stage_name": stage, "result": {"by": "suite"}}
        await mahavishnu.answer("complete_stage", data)
    await mahavishnu.answer("complete_workflow", {"workflow_id": workflow_id, "result": {"by": "suite"}})


async def wait_for_status(mahavishnu: WireClient, workflow_id: str, wanted: str) -> dict[str, Any]:
    """Wait until a workflow has a status."""

    async def reached() -> dict[str, Any] | None:
        reply = await mahavishnu.answer("get_workflow_status", {"workflow_id": workflow_id})
        data: dict[str, Any] = reply.data
        return data if data["status"] == wanted else None

    return await eventually(reached, f"workflow {workflow_id} is {wanted}", PROPAGATION)


async def captured_knowledge(session_buddy: WireClient, workflow_id: str) -> list[dict[str, Any]]:
    """All that session-buddy has captured from a workflow."""
    reply = await session_buddy.answer("search_knowledge", {"query": workflow_id, "limit": 100})
    results: list[dict[str, Any]] = reply.data["results"]
    return [each for each in results if (each["source"] or {}).get("workflow_id") == workflow_id]
