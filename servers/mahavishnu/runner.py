"""Makes the calls of workflows to other services as they become due: remote stages and their compensations.

Every replica makes every call, under the same request ids. So the other service executes each once (protocol 1.2), and
the first replica to get the answer records it. No replica waits for another, or takes over the calls of a dead one.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

from bodhisattva.servers.client import Backoff, ClientError, ConnectionLost, Indeterminate, RequestFailed, Unreachable
from bodhisattva.servers.core.errors import ErrorCode, ServiceError, Unavailable
from bodhisattva.servers.core.service import Runtime
from bodhisattva.servers.mahavishnu.calls import DueCall, due_call
from bodhisattva.servers.mahavishnu.domain import State
from bodhisattva.servers.mahavishnu.references import Unresolved, resolved

LONGEST_PAUSE = 5.0
LONGEST_ATTEMPT = 10.0
LONGEST_ERROR = 1000
# The peer has not executed the request, and would later.
_TEMPORARY = frozenset({ErrorCode.UNAVAILABLE, ErrorCode.RATE_LIMIT_EXCEEDED})


class CallFailed(Exception):
    """A call has failed for good, with the reason. without_effect: whether it was certainly not executed."""

    def __init__(self, reason: str, *, without_effect: bool) -> None:
        super().__init__(reason)
        self.without_effect = without_effect


class AttemptFailed(Exception):
    """An attempt has failed, and the next one may succeed."""


async def run_calls(runtime: Runtime) -> None:
    """Run a task for every workflow that has calls to make, until cancelled."""
    running: set[str] = set()
    async with asyncio.TaskGroup() as group:
        while True:
            state = _state(runtime)
            for workflow_id in (state.remote_due.keys() | state.compensation_due.keys()) - running:
                running.add(workflow_id)
                group.create_task(_run_workflow(runtime, workflow_id, running))
            await runtime.changed()


async def _run_workflow(runtime: Runtime, workflow_id: str, running: set[str]) -> None:
    """Make the calls of one workflow, one after another."""
    backoff, made = Backoff(cap=LONGEST_PAUSE), None
    while (due := due_call(_state(runtime), workflow_id)) is not None:
        if due == made:  # its end was not recorded
            await asyncio.sleep(backoff.next())
        await _call_while_due(runtime, due)
        made = due
    running.discard(workflow_id)


async def _call_while_due(runtime: Runtime, due: DueCall) -> None:
    """Make a call; cancel it as soon as a command or another replica has ended it."""

    async def superseded() -> None:
        while due_call(_state(runtime), due.workflow_id) == due:
            await runtime.changed()

    tasks = [asyncio.ensure_future(_CallRunner(runtime, due).run()), asyncio.ensure_future(superseded())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


class _CallRunner:
    """Makes one call, with all its attempts."""

    def __init__(self, runtime: Runtime, due: DueCall) -> None:
        self._runtime = runtime
        self._due = due
        self._about = {"workflow_id": due.workflow_id}
        self._attempts = 0
        self._error: str | None = None
        self._fresh = False  # whether no attempt can have been made yet
        self._log = runtime.log.bind(workflow_id=due.workflow_id, request_id=due.request_id, peer=due.call.service)

    async def run(self) -> None:
        workflow = _state(self._runtime).workflows[self._due.workflow_id]
        with self._runtime.continue_trace(workflow.traceparent):
            await self._run()

    async def _run(self) -> None:
        begun = await self._record("begin_call", {"call": self._due.key})
        if begun is None:
            return
        self._attempts, self._error, self._fresh = begun["attempts"], begun["error"], begun["fresh"]
        try:
            result = await self._request(datetime.fromisoformat(begun["deadline"]))
        except CallFailed as failure:
            self._runtime.metrics.calls.failed.inc()
            await self._fail(failure)
        else:
            self._runtime.metrics.calls.completed.inc()
            await self._complete(result)

    async def _request(self, deadline: datetime) -> dict[str, Any]:
        """The other service's answer, by as many attempts as the call and its deadline allow; CallFailed."""
        backoff, most = Backoff(cap=LONGEST_PAUSE), self._due.call.attempts
        while (left := _left(deadline)) > 0 and (most is None or self._attempts < most):
            try:
                async with asyncio.timeout(left):
                    return await self._request_once(min(left, LONGEST_ATTEMPT))
            except (AttemptFailed, TimeoutError) as failed:
                await self._attempt_failed(str(failed) or "There was no answer in time.")
            if most is None or self._attempts < most:
                await asyncio.sleep(min(backoff.next(), max(_left(deadline), 0.0)))
        if left > 0:
            reason = f"{self._due.call.service} was given up after {self._attempts} attempts: {self._error}"
        else:
            reason = f"{self._due.call.service} did not answer within {self._due.call.timeout:g} s."
        raise CallFailed(reason, without_effect=False)

    async def _request_once(self, timeout: float) -> dict[str, Any]:
        call, request_id = self._due.call, self._due.request_id
        fresh, self._fresh = self._fresh, False
        try:
            data = resolved(call.data, _state(self._runtime).workflows[self._due.workflow_id])
            return await self._runtime.request(call.service, call.request, data, id=request_id, timeout=timeout)
        except Unresolved as problem:
            raise CallFailed(f"{problem}.", without_effect=fresh) from None
        except Unavailable:
            raise CallFailed(f"no peer {call.service} is configured.", without_effect=fresh) from None
        except RequestFailed as error:
            return self._on_refusal(error)
        except ConnectionLost as lost:
            if lost.retriable:
                raise AttemptFailed(str(lost)) from lost
            raise CallFailed(f"{call.service} cannot process this request: {lost}", without_effect=False) from lost
        except (Unreachable, Indeterminate) as error:
            raise AttemptFailed(str(error)) from error
        except ClientError as error:
            raise CallFailed(f"{call.service} does not accept this service.", without_effect=fresh) from error

    def _on_refusal(self, error: RequestFailed) -> dict[str, Any]:
        """Raise AttemptFailed or CallFailed, unless a compensation found nothing to undo."""
        if error.code in _TEMPORARY:
            raise AttemptFailed(str(error)) from error
        if self._due.uncertain and error.code == ErrorCode.NOT_FOUND:
            return {}
        raise CallFailed(f"{self._due.call.service} answered {error}", without_effect=True) from error

    async def _attempt_failed(self, error: str) -> None:
        self._runtime.metrics.calls.attempts_failed.inc()
        self._error = error[:LONGEST_ERROR]
        self._log.warning("attempt failed", reason=self._error, attempt=self._attempts + 1)
        attempt = {"call": self._due.key, "attempt": self._attempts + 1, "error": self._error}
        recorded = await self._record("record_attempt", attempt)
        if recorded is not None:
            self._attempts = recorded["attempts"]

    async def _complete(self, result: dict[str, Any]) -> None:
        if self._due.compensates:
            await self._record("end_compensation", {"stage_index": self._due.stage_index, "result": result})
        else:
            await self._record("complete_stage", {"stage_name": self._due.stage_name, "result": result})

    async def _fail(self, failure: CallFailed) -> None:
        data: dict[str, Any] = {"stage_index": self._due.stage_index}
        if self._due.compensates:
            data["error"] = str(failure)[:LONGEST_ERROR]
            self._log.error("compensation failed", reason=str(failure), stage=self._due.stage_name)
            await self._record("end_compensation", data)
        else:
            data |= {"error": f"Stage {self._due.stage_name}: {failure}"[:LONGEST_ERROR]}
            await self._record("fail_stage", data | {"without_effect": failure.without_effect})

    async def _record(self, command: str, data: dict[str, Any]) -> dict[str, Any] | None:
        """Execute an own command, again while the log is unavailable; None if the call is no longer due.

        Each of these commands is accepted only while its call is due, and so takes effect once.
        """
        backoff = Backoff(cap=LONGEST_PAUSE)
        while True:
            try:
                return await self._runtime.execute(command, self._about | data)
            except ServiceError as refusal:
                if refusal.code is not ErrorCode.UNAVAILABLE:
                    self._log.info("call superseded", command=command, reason=refusal.message)
                    return None
                await asyncio.sleep(backoff.next())


def _left(deadline: datetime) -> float:
    """Seconds."""
    return (deadline - datetime.now(UTC)).total_seconds()


def _state(runtime: Runtime) -> State:
    return cast("State", runtime.state)
