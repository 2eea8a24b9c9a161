"""Presence and cursors at a diagram: ephemeral events, never recorded."""

from typing import Annotated, Any
from zlib import crc32

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event, Join, Leave
from bodhisattva.servers.core.errors import NotFound
from bodhisattva.servers.core.inputs import Id, Name
from bodhisattva.servers.excalidraw.domain import OneDiagram, State

Color = Annotated[str, msgspec.Meta(pattern=r"^#[0-9a-fA-F]{6}\Z")]
Coordinate = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]

_COLORS = ("#e03131", "#2f9e44", "#1971c2", "#f08c00", "#6741d9", "#0c8599", "#c2255c", "#846358")


class Position(msgspec.Struct, frozen=True):
    """A point in scene coordinates."""

    x: Coordinate
    y: Coordinate


class MoveCursor(msgspec.Struct, frozen=True):
    diagram_id: Id
    position: Position


class JoinDiagram(msgspec.Struct, frozen=True):
    diagram_id: Id
    name: Name | None = None
    color: Color | None = None


def move_cursor(state: State, data: MoveCursor, context: Context) -> Decision:
    """Publish the caller's cursor; nothing is recorded."""
    state.diagram(data.diagram_id)
    joined = context.membership.get(f"presence:{data.diagram_id}")
    moved = {
        "diagram_id": data.diagram_id,
        "user_id": context.user_id,
        "position": {"x": data.position.x, "y": data.position.y},
        "user_info": joined and joined["user_info"],
    }
    channel = f"cursor:{data.diagram_id}"
    return Decision(
        answer={"diagram_id": data.diagram_id, "status": "moved"},
        ephemeral=(Event("cursor.moved", (channel,), moved, coalesce_key=context.user_id),),
    )


def join_diagram(state: State, data: JoinDiagram, context: Context) -> Decision:
    """Make the caller's connection a member of `presence:`; name and colour have defaults by the user id."""
    state.diagram(data.diagram_id)
    channel = f"presence:{data.diagram_id}"
    color = data.color or _COLORS[crc32(context.user_id.encode()) % len(_COLORS)]
    info = {
        "diagram_id": data.diagram_id,
        "user_id": context.user_id,
        "connection_id": context.connection_id,
        "user_info": {"name": data.name or context.user_id, "color": color},
    }
    changes = () if context.membership.get(channel) == info else (_presence_event("user.joined", channel, info),)
    return Decision(
        answer={"status": "joined", "channel": channel, **info},
        ephemeral=changes,
        membership=(Join(channel, info),),
    )


def leave_diagram(state: State, data: OneDiagram, context: Context) -> Decision:
    """End the membership of the caller's connection, also at a deleted diagram; NotFound if it had not joined."""
    channel = f"presence:{data.diagram_id}"
    info = context.membership.get(channel)
    if info is None:
        raise NotFound("This connection has not joined the diagram.", field="diagram_id", value=data.diagram_id)
    return Decision(
        answer={"diagram_id": data.diagram_id, "status": "left"},
        ephemeral=(parted(channel, info),),
        membership=(Leave(channel),),
    )


def parted(channel: str, info: dict[str, Any]) -> Event:
    """The event for the remaining members when a member has left or its connection has ended."""
    return _presence_event("user.left", channel, info)


def _presence_event(name: str, channel: str, info: dict[str, Any]) -> Event:
    """Both events of a connection have one coalesce key: only the newest of them has to be delivered."""
    return Event(name, (channel,), info, coalesce_key=info["connection_id"])
