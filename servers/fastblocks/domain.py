"""What pages show: a tree of application state and the components rendered from it."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.errors import Conflict, NotFound
from bodhisattva.servers.fastblocks.tree import Node

StatePath = Annotated[
    str,
    msgspec.Meta(max_length=200, pattern=r"^[A-Za-z0-9_:@/+-]{1,100}(\.[A-Za-z0-9_:@/+-]{1,100}){0,15}\Z"),
]


class Component(msgspec.Struct, frozen=True):
    """A component as last rendered; `version` counts its renderings."""

    component_id: str
    component_type: str
    page: str | None
    props: dict[str, Any]
    html: str
    version: int
    rendered_by: str
    rendered_at: str


@dataclass
class State:
    """The state tree and every component by id."""

    tree: Node = field(default_factory=Node)
    components: dict[str, Component] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        match event.name:
            case "state.changed":
                self.tree.set(event.data["state_path"].split("."), event.data["new_value"])
            case "component.rendered":
                component = msgspec.convert(event.data, Component)
                self.components[component.component_id] = component
            case "ui.updated":
                pass  # The rendering that it announces is recorded with it.
            case other:
                raise ValueError(f"fastblocks records no event {other!r}")


class SetState(msgspec.Struct, frozen=True):
    """expected_version: set only if the node has this version; 0 means that nothing may be there yet."""

    state_path: StatePath
    value: Any
    expected_version: Annotated[int, msgspec.Meta(ge=0)] | None = None


class GetState(msgspec.Struct, frozen=True):
    state_path: StatePath


def set_state(state: State, data: SetState, context: Context) -> Decision:
    """Replace the node there, with all that lay below it, by the value; an object's keys become nodes.

    Conflict with `expected` and `actual` if the node is not at the expected version, and with `blocked_by` if
    a leaf lies above the path: a leaf has no children, and it is not destroyed by mistake.
    """
    keys = data.state_path.split(".")
    node = state.tree.find(keys)
    actual = node.version if node and node.exists else 0
    if data.expected_version not in (None, actual):
        raise Conflict(
            "The state has moved on.",
            state_path=data.state_path,
            expected=data.expected_version,
            actual=actual,
        )
    depth = state.tree.leaf_above(keys)
    if depth is not None:
        blocked_by = ".".join(keys[:depth])
        raise Conflict("A value stands above this path.", state_path=data.state_path, blocked_by=blocked_by)
    version = state.tree.next_version(keys)
    changed = {
        "state_path": data.state_path,
        "new_value": data.value,
        "version": version,
        "changed_by": context.user_id,
        "changed_at": context.now.isoformat(),
    }
    return Decision(
        answer={"state_path": data.state_path, "version": version},
        events=(Event("state.changed", ("state",), changed),),
    )


def get_state(state: State, data: GetState, context: Context) -> dict[str, Any]:
    """The value there, an inner node's as an object, and its version; NotFound if nothing is there."""
    node = state.tree.find(data.state_path.split("."))
    if node is None or not node.exists:
        raise NotFound("There is no such state.", field="state_path", value=data.state_path)
    return {"state_path": data.state_path, "value": node.value, "version": node.version}
