"""The bridges: events of mahavishnu and crackerjack become series.

`mahavishnu.workflow.duration_seconds`, from the start of a workflow to its completion ·
`mahavishnu.workflow.failures`, 1 for each that failed and 0 for each that completed, so that its mean is their rate ·
`crackerjack.test.duration_seconds` and `crackerjack.test.failures` of each run ·
`crackerjack.coverage.<project>`, the share of lines.
"""

import re
from datetime import datetime
from typing import TypeVar

import msgspec

from bodhisattva.servers.akosha.domain import State, Value
from bodhisattva.servers.akosha.ingest import Point, observe
from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.service import ForeignEvent

NOTHING = Decision(answer={})

Report = TypeVar("Report")


class _Workflow(msgspec.Struct):
    workflow_id: str


class _TestRun(msgspec.Struct):
    duration_seconds: Value
    tests_failed: Value


class _Coverage(msgspec.Struct):
    project: str
    line_coverage: Value


def measure_workflow(state: State, event: ForeignEvent, context: Context) -> Decision:
    """Open a span when a workflow starts, and measure it when the workflow ends."""
    workflow = _read(event, _Workflow)
    if workflow is None:
        return NOTHING
    span = f"{event.source}:workflow:{workflow.workflow_id}"
    time = _time(event, context)
    match event.name:
        case "workflow.started":
            opened = {"span": span, "opened_at": time.isoformat()}
            return Decision(answer={}, events=(Event("span.opened", ("metrics",), opened),))
        case "workflow.completed":
            return Decision(answer={}, events=_ended(state, span, time, context, failed=False))
        case "workflow.failed":
            return Decision(answer={}, events=_ended(state, span, time, context, failed=True))
        case _:
            return NOTHING


def _ended(state: State, span: str, time: datetime, context: Context, *, failed: bool) -> tuple[Event, ...]:
    failure = [Point(value=float(failed), time=time)]
    events = observe(state, "mahavishnu.workflow.failures", failure, context, closes_span=span)
    opened = state.spans.get(span)
    if failed or opened is None:
        return events
    duration = [Point(value=max((time - opened).total_seconds(), 0.0), time=time)]
    return (*events, *observe(state, "mahavishnu.workflow.duration_seconds", duration, context))


def measure_quality(state: State, event: ForeignEvent, context: Context) -> Decision:
    """Measure each completed test run and each recorded coverage."""
    time = _time(event, context)
    if event.name == "test.completed" and (run := _read(event, _TestRun)):
        duration = [Point(value=run.duration_seconds, time=time)]
        failures = [Point(value=run.tests_failed, time=time)]
        events = (
            *observe(state, "crackerjack.test.duration_seconds", duration, context),
            *observe(state, "crackerjack.test.failures", failures, context),
        )
        return Decision(answer={}, events=events)
    if event.name == "coverage.updated" and (coverage := _read(event, _Coverage)):
        series = f"crackerjack.coverage.{_segment(coverage.project)}"
        share = [Point(value=coverage.line_coverage, time=time)]
        return Decision(answer={}, events=observe(state, series, share, context))
    return NOTHING


def _read(event: ForeignEvent, report: type[Report]) -> Report | None:
    """The event's data as a report; None if it has another form, since a fault there must not stop the bridge."""
    try:
        return msgspec.convert(event.data, report)
    except msgspec.ValidationError:
        return None


def _time(event: ForeignEvent, context: Context) -> datetime:
    """When it happened, by the other service's clock; now if its timestamp cannot be read."""
    try:
        time = datetime.fromisoformat(event.timestamp)
    except ValueError:
        return context.now
    return time if time.tzinfo else context.now


def _segment(name: str) -> str:
    """A project's name as one segment of a series' name."""
    return re.sub(r"[^A-Za-z0-9_@/+:-]", "_", name)[:100] or "_"
