"""The read model: sessions, knowledge and skills, and how each event changes them."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from bodhisattva.servers.core.domain import Event
from bodhisattva.servers.session_buddy.search import Index

SessionStatus = Literal["active", "closed"]


class Checkpoint(msgspec.Struct, frozen=True):
    """A saved state of a session. context: what the client needs to go on from there."""

    checkpoint_id: str
    number: int
    note: str
    context: dict[str, Any]
    created_at: str


class Session(msgspec.Struct):
    session_id: str
    project: str
    title: str
    user_id: str
    metadata: dict[str, Any]
    created_at: str
    status: SessionStatus = "active"
    updated_at: str | None = None
    checkpoints: dict[str, Checkpoint] = {}
    summary: str | None = None
    closed_at: str | None = None


class Knowledge(msgspec.Struct, frozen=True):
    """A piece of knowledge; the index has its content. source: the other service's event that it came from."""

    knowledge_id: str
    title: str
    tags: list[str]
    session_id: str | None
    source: dict[str, str] | None
    captured_by: str
    captured_at: str


class Skill(msgspec.Struct):
    skill_name: str
    total_invocations: int = 0
    completed: int = 0
    total_seconds: float = 0.0
    last_used_at: str | None = None
    shortest_seconds: float | None = None
    longest_seconds: float | None = None
    first_used_at: str | None = None

    def after(self, success: bool, duration_seconds: float, at: str) -> "Skill":
        """The skill's figures after one more invocation."""
        known = [each for each in (self.shortest_seconds, self.longest_seconds) if each is not None]
        return Skill(
            self.skill_name,
            self.total_invocations + 1,
            self.completed + success,
            self.total_seconds + duration_seconds,
            at,
            min([duration_seconds, *known]),
            max([duration_seconds, *known]),
            self.first_used_at or at,
        )

    def metrics(self) -> dict[str, Any]:
        """completion_rate: 0..1."""
        return {
            "skill_name": self.skill_name,
            "total_invocations": self.total_invocations,
            "failed_invocations": self.total_invocations - self.completed,
            "completion_rate": self.completed / self.total_invocations,
            "total_duration_seconds": self.total_seconds,
            "avg_duration_seconds": self.total_seconds / self.total_invocations,
            "min_duration_seconds": self.shortest_seconds,
            "max_duration_seconds": self.longest_seconds,
            "first_used_at": self.first_used_at,
            "last_used_at": self.last_used_at,
        }


class State(msgspec.Struct):
    """The read model. captured_workflows: ids of the workflows whose completion has been captured."""

    sessions: dict[str, Session] = {}
    knowledge: dict[str, Knowledge] = {}
    index: Index = msgspec.field(default_factory=Index)
    captured_workflows: set[str] = set()
    skills: dict[str, Skill] = {}

    def apply(self, event: Event) -> None:
        _APPLY[event.name](self, event.data)


Data = dict[str, Any]


def _session_created(state: State, data: Data) -> None:
    session = msgspec.convert(data, Session)
    state.sessions[session.session_id] = session


def _session_updated(state: State, data: Data) -> None:
    session = state.sessions[data["session_id"]]
    session.title, session.metadata = data["title"], data["metadata"]
    session.updated_at = data["updated_at"]


def _session_checkpoint(state: State, data: Data) -> None:
    session = state.sessions[data["session_id"]]
    checkpoint = msgspec.convert(data, Checkpoint)
    session.checkpoints[checkpoint.checkpoint_id] = checkpoint
    session.updated_at = checkpoint.created_at


def _session_closed(state: State, data: Data) -> None:
    session = state.sessions[data["session_id"]]
    session.status, session.summary = "closed", data["summary"]
    session.updated_at = session.closed_at = data["closed_at"]


def _knowledge_captured(state: State, data: Data) -> None:
    knowledge = msgspec.convert(data, Knowledge)
    state.knowledge[knowledge.knowledge_id] = knowledge
    state.index.add(knowledge.knowledge_id, knowledge.title, data["content"], knowledge.tags)
    if knowledge.source is not None:
        state.captured_workflows.add(knowledge.source["workflow_id"])


def _skill_metrics(state: State, data: Data) -> None:
    name = data["skill_name"]
    skill = state.skills.get(name, Skill(name))
    state.skills[name] = skill.after(data["success"], data["duration_seconds"], data["last_used_at"])


def _announced(state: State, data: Data) -> None:
    """Change nothing: the event announces a search."""


_APPLY: Mapping[str, Callable[[State, Data], None]] = {
    "session.created": _session_created,
    "session.updated": _session_updated,
    "session.checkpoint": _session_checkpoint,
    "session.closed": _session_closed,
    "knowledge.captured": _knowledge_captured,
    "knowledge.search_result": _announced,
    "skill.metrics": _skill_metrics,
}
