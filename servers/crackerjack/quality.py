"""Coverage, and gates that compare a measurement with a threshold."""

from operator import itemgetter
from typing import Annotated, Any

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.errors import NotFound
from bodhisattva.servers.core.inputs import Id, find
from bodhisattva.servers.crackerjack.domain import GateCheck, GateName, Run, State

Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]


class RecordCoverage(msgspec.Struct, frozen=True):
    """Percentages; leave out what was not measured."""

    project: Id
    line_coverage: Percent
    branch_coverage: Percent | None = None
    path_coverage: Percent | None = None


class CheckQualityGate(msgspec.Struct, frozen=True):
    """Compare the project's latest measurement for the gate with `threshold` (percent)."""

    project: Id
    gate_name: GateName
    threshold: Percent


class GetQualityGate(msgspec.Struct, frozen=True):
    """One gate; without a name, the gate with the least margin."""

    project: Id
    gate_name: GateName | None = None


class GetCoverage(msgspec.Struct, frozen=True):
    project: Id


def record_coverage(state: State, data: RecordCoverage, context: Context) -> Decision:
    facts = {**msgspec.to_builtins(data), "recorded_at": context.now.isoformat()}
    return Decision(facts, (_event("coverage.updated", data.project, facts),))


def check_quality_gate(state: State, data: CheckQualityGate, context: Context) -> Decision:
    """NOT_FOUND if there is no measurement: a gate passes only by a measurement."""
    score = _measured(state, data.project, data.gate_name)
    if score is None:
        raise NotFound("This is not measured for this project.", field="gate_name", value=data.gate_name)
    check = GateCheck(
        data.project,
        data.gate_name,
        "passed" if score >= data.threshold else "failed",
        score,
        data.threshold,
        context.now.isoformat(),
    )
    facts = msgspec.to_builtins(check)
    return Decision(facts, (_event("quality_gate.checked", data.project, facts),))


def get_quality_gate(state: State, data: GetQualityGate, context: Context) -> dict[str, Any]:
    gates = find(state.gates, data.project, "project")
    if data.gate_name is not None:
        answer: dict[str, Any] = msgspec.to_builtins(find(gates, data.gate_name, "gate_name"))
        return answer
    checks = sorted(msgspec.to_builtins(list(gates.values())), key=itemgetter("gate_name"))
    return {**min(checks, key=lambda check: check["score"] - check["threshold"]), "gates": checks}


def get_coverage(state: State, data: GetCoverage, context: Context) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.to_builtins(find(state.coverage, data.project, "project"))
    return answer


def _measured(state: State, project: str, gate: GateName) -> float | None:
    """Percent, from the project's last coverage or last completed test run; None if not measured."""
    if gate == "test_pass_rate":
        run = state.latest_runs.get(project)
        return None if run is None else _pass_rate(run)
    coverage = state.coverage.get(project)
    score: float | None = None if coverage is None else getattr(coverage, gate)
    return score


def _pass_rate(run: Run) -> float | None:
    """Percent of the announced tests that passed, without the skipped ones. A missing result is no pass."""
    expected = run.total_tests - run.count("skipped")
    return 100 * run.count("passed") / expected if expected else None


def _event(name: str, project: str, data: dict[str, Any]) -> Event:
    return Event(name, (f"quality:{project}", "coverage"), data)
