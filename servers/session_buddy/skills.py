"""Skills: how often each was used, how often it completed, and how long it took."""

from typing import Annotated, Any

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.inputs import Id, Name, Paging, find, page
from bodhisattva.servers.session_buddy.domain import Skill, State


class RecordSkill(msgspec.Struct, frozen=True):
    """One use of a skill. success: whether it completed."""

    skill_name: Name
    success: bool
    duration_seconds: Annotated[float, msgspec.Meta(ge=0, le=1e9)]
    session_id: Id | None = None


class GetSkillMetrics(Paging, frozen=True):
    """The figures of one skill, or a page of all skills."""

    skill_name: Name | None = None


def record_skill(state: State, data: RecordSkill, context: Context) -> Decision:
    if data.session_id is not None:
        find(state.sessions, data.session_id, "session_id")
    before = state.skills.get(data.skill_name, Skill(data.skill_name))
    metrics = before.after(data.success, data.duration_seconds, context.now.isoformat()).metrics()
    facts = {
        **metrics,
        "success": data.success,
        "duration_seconds": data.duration_seconds,
        "session_id": data.session_id,
        "recorded_by": context.user_id,
    }
    return Decision(metrics, (Event("skill.metrics", ("skills",), facts),))


def get_skill_metrics(state: State, data: GetSkillMetrics, context: Context) -> dict[str, Any]:
    if data.skill_name is not None:
        return find(state.skills, data.skill_name, "skill_name").metrics()
    skills, after = page(state.skills, data, lambda skill: True)
    return {"skills": [skill.metrics() for skill in skills], "next": after}
