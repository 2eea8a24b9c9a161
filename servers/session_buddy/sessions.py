"""Sessions: created, updated, checkpointed, closed. A closed session does not change."""

from datetime import datetime
from typing import Any

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.errors import Conflict, InvalidData
from bodhisattva.servers.core.inputs import Id, Name, Paging, Text, claim_id, find, page
from bodhisattva.servers.session_buddy.domain import Session, SessionStatus, State


class CreateSession(msgspec.Struct, frozen=True):
    project: Name
    title: Name | None = None
    metadata: dict[str, Any] = {}
    session_id: Id | None = None


class UpdateSession(msgspec.Struct, frozen=True):
    """`metadata` is merged into the session's; a null removes its key (RFC 7396, at the top level)."""

    session_id: Id
    title: Name | None = None
    metadata: dict[str, Any] = {}


class CheckpointSession(msgspec.Struct, frozen=True):
    session_id: Id
    note: Text | None = None
    context: dict[str, Any] = {}
    checkpoint_id: Id | None = None


class CloseSession(msgspec.Struct, frozen=True):
    session_id: Id
    summary: Text | None = None


class GetSession(msgspec.Struct, frozen=True):
    session_id: Id


class GetCheckpoint(msgspec.Struct, frozen=True):
    session_id: Id
    checkpoint_id: Id


class ListSessions(Paging, frozen=True):
    status: SessionStatus | None = None
    project: Name | None = None


def create_session(state: State, data: CreateSession, context: Context) -> Decision:
    session_id = claim_id(state.sessions, data.session_id, "session_id", context)
    event = _event(
        "session.created",
        session_id,
        project=data.project,
        title=data.title or data.project,
        user_id=context.user_id,
        metadata=data.metadata,
        created_at=context.now.isoformat(),
    )
    return Decision({"session_id": session_id, "status": "active"}, (event,))


def update_session(state: State, data: UpdateSession, context: Context) -> Decision:
    session = _active(state, data.session_id)
    if data.title is None and not data.metadata:
        raise InvalidData("A title or metadata to change is required.", field="title")
    merged = {key: value for key, value in (session.metadata | data.metadata).items() if value is not None}
    event = _event(
        "session.updated",
        session.session_id,
        title=data.title or session.title,
        metadata=merged,
        updated_at=context.now.isoformat(),
    )
    return Decision(event.data, (event,))


def checkpoint_session(state: State, data: CheckpointSession, context: Context) -> Decision:
    session = _active(state, data.session_id)
    checkpoint_id = claim_id(session.checkpoints, data.checkpoint_id, "checkpoint_id", context)
    number = len(session.checkpoints) + 1
    event = _event(
        "session.checkpoint",
        session.session_id,
        checkpoint_id=checkpoint_id,
        number=number,
        note=data.note or f"Checkpoint {number}",
        context=data.context,
        created_at=context.now.isoformat(),
    )
    answer = {"session_id": session.session_id, "checkpoint_id": checkpoint_id, "number": number}
    return Decision(answer, (event,))


def close_session(state: State, data: CloseSession, context: Context) -> Decision:
    session = _active(state, data.session_id)
    duration = context.now - datetime.fromisoformat(session.created_at)
    event = _event(
        "session.closed",
        session.session_id,
        summary=data.summary,
        checkpoints=len(session.checkpoints),
        closed_at=context.now.isoformat(),
        duration_seconds=duration.total_seconds(),
    )
    return Decision({"session_id": session.session_id, "status": "closed"}, (event,))


def get_session(state: State, data: GetSession, context: Context) -> dict[str, Any]:
    """The session and its checkpoints without their contexts, which get_checkpoint returns."""
    session = find(state.sessions, data.session_id, "session_id")
    checkpoints = [
        {
            "checkpoint_id": checkpoint.checkpoint_id,
            "number": checkpoint.number,
            "note": checkpoint.note,
            "created_at": checkpoint.created_at,
        }
        for checkpoint in session.checkpoints.values()
    ]
    return _summary(session) | {
        "metadata": session.metadata,
        "summary": session.summary,
        "checkpoints": checkpoints,
    }


def get_checkpoint(state: State, data: GetCheckpoint, context: Context) -> dict[str, Any]:
    session = find(state.sessions, data.session_id, "session_id")
    checkpoint = find(session.checkpoints, data.checkpoint_id, "checkpoint_id")
    return {"session_id": session.session_id, **msgspec.to_builtins(checkpoint)}


def list_sessions(state: State, data: ListSessions, context: Context) -> dict[str, Any]:
    def wanted(session: Session) -> bool:
        return data.status in (None, session.status) and data.project in (None, session.project)

    sessions, after = page(state.sessions, data, wanted)
    return {"sessions": [_summary(session) for session in sessions], "next": after}


def _active(state: State, session_id: str) -> Session:
    session = find(state.sessions, session_id, "session_id")
    if session.status == "closed":
        raise Conflict("The session is closed.", field="session_id", status="closed")
    return session


def _summary(session: Session) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "project": session.project,
        "title": session.title,
        "user_id": session.user_id,
        "status": session.status,
        "created_at": session.created_at,
        "updated_at": session.updated_at,
        "closed_at": session.closed_at,
    }


def _event(name: str, session_id: str, **data: Any) -> Event:
    return Event(name, (f"session:{session_id}",), {"session_id": session_id, **data})
