"""The read model: a tree of application state, and the rendered components."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.errors import Conflict, LimitExceeded, NotFound
from bodhisattva.servers.fastblocks.tree import Node

StatePath = Annotated[
    str,
    msgspec.Meta(max_length=200, pattern=r"^[A-Za-z0-9_:@/+-]{1,100}(\.[A-Za-z0-9_:@/+-]{1,100}){0,15}\Z"),
]


# Of the whole tree. Removed nodes count, since their versions are kept.
MOST_NODES = 20_000


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
    """The state tree, of `size` nodes, and every component by id."""

    tree: Node = field(default_factory=Node)
    components: dict[str, Component] = field(default_factory=dict)
    size: int = 0

    def __post_init__(self) -> None:
        self.size = self.size or self.tree.size()

    def apply(self, event: Event) -> None:
        match event.name:
            case "state.changed":
                self._changed(event.data["state_path"].split("."), event.data)
            case "component.rendered":
                component = msgspec.convert(event.data, Component)
                self.components[component.component_id] = component
            case "ui.updated":
                pass  # The event of the rendering is recorded with it.
            case other:
                raise ValueError(f"fastblocks records no event {other!r}")

    def _changed(self, keys: list[str], data: dict[str, Any]) -> None:
        if data.get("deleted"):
            self.tree.remove(keys)
        else:
            self.size += self.tree.new_nodes(keys, data["new_value"])
            self.tree.set(keys, data["new_value"])


class SetState(msgspec.Struct, frozen=True):
    """expected_version: set only if the node has this version; 0 if it must not exist yet."""

    state_path: StatePath
    value: Any
    expected_version: Annotated[int, msgspec.Meta(ge=0)] | None = None


class DeleteState(msgspec.Struct, frozen=True):
    """expected_version: delete only if the node has this version."""

    state_path: StatePath
    expected_version: Annotated[int, msgspec.Meta(ge=1)] | None = None


class GetState(msgspec.Struct, frozen=True):
    state_path: StatePath


def set_state(state: State, data: SetState, context: Context) -> Decision:
    """Replace the node there, with all that lay below it, by the value; an object's keys become nodes.

    Conflict with `expected` and `actual` if the node is not at the expected version, and with `blocked_by` if
    a leaf lies above the path: a leaf has no children, and it is not destroyed by mistake. LimitExceeded if the
    tree becomes too large.
    """
    keys = data.state_path.split(".")
    _check_version(state, data)
    depth = state.tree.leaf_above(keys)
    if depth is not None:
        blocked_by = ".".join(keys[:depth])
        raise Conflict("A value stands above this path.", state_path=data.state_path, blocked_by=blocked_by)
    if state.size + state.tree.new_nodes(keys, data.value) > MOST_NODES:
        raise LimitExceeded("The state has too many places.", field="value", limit=MOST_NODES)
    return _changed(state, data.state_path, context, new_value=data.value)


def delete_state(state: State, data: DeleteState, context: Context) -> Decision:
    """Remove the node and all below it. Its version goes on if it is set again.

    NotFound if there is no node, Conflict if it has another version than expected.
    """
    _find(state, data.state_path)
    _check_version(state, data)
    return _changed(state, data.state_path, context, new_value=None, deleted=True)


def _check_version(state: State, data: SetState | DeleteState) -> None:
    if data.expected_version is None:
        return
    node = state.tree.find(data.state_path.split("."))
    actual = node.version if node and node.exists else 0
    if data.expected_version != actual:
        raise Conflict(
            "The state has moved on.",
            state_path=data.state_path,
            expected=data.expected_version,
            actual=actual,
        )


def _changed(state: State, path: str, context: Context, **change: Any) -> Decision:
    version = state.tree.next_version(path.split("."))
    changed = {
        "state_path": path,
        **change,
        "version": version,
        "changed_by": context.user_id,
        "changed_at": context.now.isoformat(),
    }
    return Decision({"state_path": path, "version": version}, (Event("state.changed", ("state",), changed),))


def _find(state: State, path: str) -> Node:
    node = state.tree.find(path.split("."))
    if node is None or not node.exists:
        raise NotFound("There is no such state.", field="state_path", value=path)
    return node


def get_state(state: State, data: GetState, context: Context) -> dict[str, Any]:
    """The node's value, an inner node's as an object, and its version; NotFound if there is no node."""
    node = _find(state, data.state_path)
    return {"state_path": data.state_path, "value": node.value, "version": node.version}
