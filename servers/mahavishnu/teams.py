"""Teams that work towards a goal, one execution at a time."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.errors import Conflict
from bodhisattva.servers.core.inputs import Id, Name, Paging, Text, claim_id, find, page
from bodhisattva.servers.mahavishnu.domain import State, Team


class CreateTeam(msgspec.Struct, frozen=True):
    team_name: Name
    goal: Text
    mode: Literal["coordinate", "route", "broadcast", "collaborate"] = "coordinate"
    members: Annotated[list[Name], msgspec.Meta(max_length=1000)] = []
    team_id: Id | None = None


class StartTeamExecution(msgspec.Struct, frozen=True):
    team_id: Id
    task: Text


class CompleteTeamExecution(msgspec.Struct, frozen=True):
    team_id: Id
    result: Any = None


class FailTeamExecution(msgspec.Struct, frozen=True):
    team_id: Id
    error_code: Name
    message: Text


class GetTeam(msgspec.Struct, frozen=True):
    team_id: Id


class ListTeams(Paging, frozen=True):
    owner: Name | None = None


def create_team(state: State, data: CreateTeam, context: Context) -> Decision:
    team = Team(
        team_id=claim_id(state.teams, data.team_id, "team_id", context),
        team_name=data.team_name,
        goal=data.goal,
        mode=data.mode,
        members=data.members,
        owner=context.user_id,
        created_at=context.now.isoformat(),
    )
    facts = {name: getattr(team, name) for name in ("team_name", "goal", "mode", "members", "owner", "created_at")}
    return Decision({"team_id": team.team_id}, (_event("team.created", team, **facts),))


def start_team_execution(state: State, data: StartTeamExecution, context: Context) -> Decision:
    team = find(state.teams, data.team_id, "team_id")
    if team.task is not None:
        raise Conflict("The team is at another task.", field="team_id")
    event = _event("team.execution_started", team, task=data.task, started_at=context.now.isoformat())
    return Decision({"team_id": team.team_id, "status": "executing"}, (event,))


def complete_team_execution(state: State, data: CompleteTeamExecution, context: Context) -> Decision:
    team = _executing(state, data.team_id)
    event = _event("team.execution_completed", team, success=True, result=data.result, **_ending(team, context))
    return Decision({"team_id": team.team_id, "status": "ready"}, (event,))


def fail_team_execution(state: State, data: FailTeamExecution, context: Context) -> Decision:
    team = _executing(state, data.team_id)
    event = _event("team.error", team, error_code=data.error_code, message=data.message, **_ending(team, context))
    return Decision({"team_id": team.team_id, "status": "ready"}, (event,))


def get_team(state: State, data: GetTeam, context: Context) -> dict[str, Any]:
    return _view(find(state.teams, data.team_id, "team_id"))


def list_teams(state: State, data: ListTeams, context: Context) -> dict[str, Any]:
    teams, after = page(state.teams, data, lambda team: data.owner in (None, team.owner))
    return {"teams": [_view(team) for team in teams], "next": after}


def _executing(state: State, team_id: str) -> Team:
    team = find(state.teams, team_id, "team_id")
    if team.task is None:
        raise Conflict("The team is at no task.", field="team_id")
    return team


def _ending(team: Team, context: Context) -> dict[str, Any]:
    started = datetime.fromisoformat(team.started_at or team.created_at)
    return {
        "task": team.task,
        "finished_at": context.now.isoformat(),
        "duration_ms": round((context.now - started).total_seconds() * 1000, 3),
    }


def _view(team: Team) -> dict[str, Any]:
    view: dict[str, Any] = msgspec.to_builtins(team)
    return {**view, "status": "ready" if team.task is None else "executing"}


def _event(name: str, team: Team, **data: Any) -> Event:
    """An event for the channel of all teams, and for the owner's private channel."""
    return Event(name, ("goal-teams", f"goal-teams:{team.owner}"), {"team_id": team.team_id, **data})
