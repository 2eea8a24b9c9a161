"""Servers that are wrong in how mahavishnu runs workflows."""

import asyncio
from collections.abc import Callable
from typing import Any, cast
from unittest.mock import patch

from yarl import URL

from bodhisattva.servers.client import RequestFailed
from bodhisattva.servers.core.domain import Context, Decision
from bodhisattva.servers.core.envelope import fresh_id
from bodhisattva.servers.core.runtime import ServiceRuntime
from bodhisattva.servers.core.service import Handler
from bodhisattva.servers.mahavishnu import calls, runner, workflows
from bodhisattva.servers.mahavishnu.calls import BeginCall, DueCall
from bodhisattva.servers.mahavishnu.domain import Call, Stage, State, Workflow
from bodhisattva.servers.mahavishnu.runner import CallFailed, _CallRunner
from bodhisattva.servers.mahavishnu.workflows import CompleteStage, CompleteWorkflow
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "CROSS-012",
    wrong="requests a stage under another id each time, so that the other service takes a repetition for a new request",
    failure="CONFLICT",
)
def begins_a_stage_anew_after_a_crash(inject: Inject) -> None:
    def another(due: DueCall) -> str:
        return f"{due.workflow_id}/{fresh_id()}"

    inject(DueCall, "request_id", property(another))


@mutant(
    "PROTOCOL-080", wrong="completes a stage before those that come before it", failure="complete_stage was not refused"
)
def completes_stages_in_any_order(inject: Inject) -> None:
    of = Handler.of

    def complete_anyhow(state: State, data: CompleteStage, context: Context) -> Decision:
        with patch.object(Workflow, "next_stage", Stage(data.stage_name)):
            return workflows.complete_stage(state, data, context)

    def of_mutant(function: Callable[[Any, Any, Context], Any], **about: Any) -> Handler:
        handler = of(function, **about)
        if function is workflows.complete_stage:
            return Handler(handler.name, handler.input_type, complete_anyhow)
        return handler

    inject(Handler, "of", of_mutant)


@mutant(
    "PROTOCOL-080",
    wrong="completes a workflow although stages are still due",
    failure="complete_workflow was not refused",
)
def completes_workflows_before_their_end(inject: Inject) -> None:
    of = Handler.of

    def complete_anyhow(state: State, data: CompleteWorkflow, context: Context) -> Decision:
        with patch.object(Workflow, "next_stage", None):
            return workflows.complete_workflow(state, data, context)

    def of_mutant(function: Callable[[Any, Any, Context], Any], **about: Any) -> Handler:
        handler = of(function, **about)
        if function is workflows.complete_workflow:
            return Handler(handler.name, handler.input_type, complete_anyhow)
        return handler

    inject(Handler, "of", of_mutant)


@mutant("CROSS-012", wrong="gives a stage all of its time again after a crash", failure="the stage's time began anew")
def gives_a_stage_all_its_time_again(inject: Inject) -> None:
    of = Handler.of
    begun: set[str] = set()

    def begin_anew(state: State, data: BeginCall, context: Context) -> Decision:
        if data.workflow_id not in begun:
            begun.add(data.workflow_id)
            workflow, due = calls._due(state, data.workflow_id, data.call)
            workflow.progress.pop(due.key, None)
        return calls.begin_call(state, data, context)

    def of_mutant(function: Callable[[Any, Any, Context], Any], **about: Any) -> Handler:
        handler = of(function, **about)
        return Handler(handler.name, handler.input_type, begin_anew) if function is calls.begin_call else handler

    inject(Handler, "of", of_mutant)


@mutant("CROSS-013", wrong="gives a stage all the time there is, whatever its limit", failure="is failed")
def waits_for_stages_for_ever(inject: Inject) -> None:
    def patient(stage: Stage) -> Call | None:
        if stage.service is None or stage.request is None:
            return None
        return Call(stage.service, stage.request, stage.data or {}, 3600.0, stage.attempts)

    inject(Stage, "call", property(patient))


@mutant("DEGRADATION-014", wrong="gives a stage up when its service does not accept connections", failure="is running")
def gives_a_stage_up_whose_service_is_down(inject: Inject) -> None:
    request_once = _CallRunner._request_once

    async def check_existence(calling: _CallRunner, timeout: float) -> dict[str, Any]:
        service = calling._due.call.service
        url = URL(cast("ServiceRuntime", calling._runtime)._settings.config.peers[service].url)
        try:
            _, writer = await asyncio.open_connection(url.host, url.port)
        except OSError:
            raise CallFailed(f"{service} is down.", without_effect=True) from None
        writer.close()
        return await request_once(calling, timeout)

    inject(_CallRunner, "_request_once", check_existence)


@mutant(
    "CROSS-006",
    wrong="runs a stage on the other service, and does not keep its answer",
    failure="is not what the service answered",
    also=("CROSS-014",),
)
def keeps_no_answer_of_a_stage(inject: Inject) -> None:
    complete = _CallRunner._complete

    async def complete_empty(calling: _CallRunner, result: dict[str, Any]) -> None:
        await complete(calling, {})

    inject(_CallRunner, "_complete", complete_empty)


@mutant(
    "CROSS-007", wrong="does not give the reason for which another service refused a stage", failure="'NOT_FOUND' in"
)
def omits_why_a_stage_was_refused(inject: Inject) -> None:
    refused = _CallRunner._on_refusal

    def refused_tersely(calling: _CallRunner, error: RequestFailed) -> dict[str, Any]:
        try:
            return refused(calling, error)
        except CallFailed as failure:
            raise CallFailed("It was refused.", without_effect=failure.without_effect) from None

    inject(_CallRunner, "_on_refusal", refused_tersely)


@mutant("CROSS-014", wrong="sends a reference to an earlier result instead of the result", failure="INVALID_DATA")
def sends_references_as_they_are(inject: Inject) -> None:
    def unresolved(value: Any, _workflow: Any) -> Any:
        return value

    inject(runner, "resolved", unresolved)


@mutant(
    "CROSS-010",
    wrong="compensates a workflow's stages in the order in which they were run",
    failure="not the last first",
)
def compensates_the_first_first(inject: Inject) -> None:
    last_first = workflows._compensated

    def first_first(workflow: Workflow, **certainty: Any) -> list[int]:
        return last_first(workflow, **certainty)[::-1]

    inject(workflows, "_compensated", first_first)


@mutant(
    "CROSS-011", wrong="ends a cancelled workflow, and compensates nothing of what it did", failure="is compensated"
)
def leaves_cancelled_work_done(inject: Inject) -> None:
    compensated, ended_early = workflows._compensated, workflows.ended_early

    def without_compensation(workflow: Workflow, error: str, context: Context, **how: Any) -> Decision:
        nothing = (lambda *_, **__: []) if how.get("cancelled") else compensated
        with patch.object(workflows, "_compensated", nothing):
            return ended_early(workflow, error, context, **how)

    inject(workflows, "ended_early", without_compensation)
