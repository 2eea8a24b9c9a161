"""Renders components and announces them to pages."""

from typing import Any

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.inputs import Id, find
from bodhisattva.servers.fastblocks.domain import Component, State
from bodhisattva.servers.fastblocks.render import render


class RenderComponent(msgspec.Struct, frozen=True):
    """page: that shows the component; the event goes to its `ui:` channel too."""

    component_type: str
    props: dict[str, Any]
    component_id: Id | None = None
    page: Id | None = None


class UpdateComponent(msgspec.Struct, frozen=True):
    component_id: Id
    props: dict[str, Any]


class GetComponentStatus(msgspec.Struct, frozen=True):
    component_id: Id


def render_component(state: State, data: RenderComponent, context: Context) -> Decision:
    """Render the component, for the first time or in place of the former one."""
    component_id = data.component_id or context.new_id()
    return rendered(state, component_id, data.component_type, data.page, data.props, context)


def update_component(state: State, data: UpdateComponent, context: Context) -> Decision:
    """Change the given props, keep the others, and render again."""
    held = _find(state, data.component_id)
    props = {**held.props, **data.props}
    return rendered(state, held.component_id, held.component_type, held.page, props, context)


def get_component_status(state: State, data: GetComponentStatus, context: Context) -> dict[str, Any]:
    """The component as last rendered, with its HTML."""
    return {"status": "rendered", **msgspec.structs.asdict(_find(state, data.component_id))}


def rendered(
    state: State,
    component_id: str,
    component_type: str,
    page: str | None,
    props: dict[str, Any],
    context: Context,
) -> Decision:
    """The decision to render the component with exactly these props."""
    held = state.components.get(component_id)
    component = Component(
        component_id=component_id,
        component_type=component_type,
        page=page,
        props=props,
        html=render(component_id, component_type, props),
        version=held.version + 1 if held else 1,
        rendered_by=context.user_id,
        rendered_at=context.now.isoformat(),
    )
    return Decision(
        answer={"component_id": component_id, "version": component.version, "html": component.html},
        events=(
            Event("component.rendered", (f"component:{component_id}",), msgspec.structs.asdict(component)),
            _announced(component, held),
        ),
    )


def _announced(component: Component, held: Component | None) -> Event:
    """The event for pages: the component and its changed props; a removed prop is null.

    A page that the component has left gets the event too; its `page` then names the new page.
    """
    before, now = held.props if held else {}, component.props
    changed = {name: now.get(name) for name in {**before, **now} if before.get(name, ...) != now.get(name, ...)}
    data = {
        "component_id": component.component_id,
        "component_type": component.component_type,
        "page": component.page,
        "version": component.version,
        "changed_props": changed,
        "updated_at": component.rendered_at,
    }
    places = dict.fromkeys(filter(None, (component.component_id, component.page, held and held.page)))
    return Event("ui.updated", tuple(f"ui:{place}" for place in places), data)


def _find(state: State, component_id: str) -> Component:
    return find(state.components, component_id, "component_id", "There is no such component.")
