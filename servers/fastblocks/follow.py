"""The bridge from mahavishnu: each workflow has a status component `workflow-<id>` on the page `workflows`."""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from bodhisattva.servers.core.domain import Context, Decision
from bodhisattva.servers.core.inputs import ID_PATTERN
from bodhisattva.servers.core.service import ForeignEvent
from bodhisattva.servers.fastblocks.components import rendered
from bodhisattva.servers.fastblocks.domain import State

_DETAIL_LENGTH = 500


class _Workflow(msgspec.Struct):
    """The fields of a workflow's events that the component shows."""

    workflow_id: str
    adapter: str | None = None
    total_stages: int | None = None
    stage_name: str | None = None
    error: str | None = None


def follow_workflow(state: State, event: ForeignEvent, context: Context) -> Decision:
    """Render the workflow's component again. Events that do not change what it shows are ignored."""
    change = _CHANGES.get(event.name)
    if change is None:
        return Decision(answer={})
    try:
        workflow = msgspec.convert(event.data, _Workflow)
    except msgspec.ValidationError:
        return Decision(answer={})
    component_id = _component_id(workflow.workflow_id)
    held = state.components.get(component_id)
    props = held.props if held and held.component_type == "status" else {}
    label = f"Workflow {workflow.workflow_id}"[:_DETAIL_LENGTH]
    shown = {**props, "label": label, **change(workflow, props)}
    return rendered(state, component_id, "status", "workflows", shown, context)


def _started(workflow: _Workflow, props: Mapping[str, Any]) -> dict[str, Any]:
    total = workflow.total_stages
    return {
        "status": "running",
        "detail": _short(workflow.adapter),
        "done": 0,
        "total": None if total is None else max(total, 0),
    }


def _stage_completed(workflow: _Workflow, props: Mapping[str, Any]) -> dict[str, Any]:
    done = (props.get("done") or 0) + 1
    return {"status": "running", "detail": _short(workflow.stage_name), "done": done}


def _completed(workflow: _Workflow, props: Mapping[str, Any]) -> dict[str, Any]:
    return {"status": "completed", "detail": None}


def _failed(workflow: _Workflow, props: Mapping[str, Any]) -> dict[str, Any]:
    return {"status": "failed", "detail": _short(workflow.error)}


_CHANGES: dict[str, Callable[[_Workflow, Mapping[str, Any]], dict[str, Any]]] = {
    "workflow.started": _started,
    "workflow.stage_completed": _stage_completed,
    "workflow.completed": _completed,
    "workflow.failed": _failed,
}


def _component_id(workflow_id: str) -> str:
    """`workflow-<id>`, or with a digest of the id if that is not valid in a component's id."""
    component_id = f"workflow-{workflow_id}"
    return (
        component_id if re.match(ID_PATTERN, component_id) else f"workflow-{sha256(workflow_id.encode()).hexdigest()}"
    )


def _short(text: str | None) -> str | None:
    return text if text is None else text[:_DETAIL_LENGTH]
