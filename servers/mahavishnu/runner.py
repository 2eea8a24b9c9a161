"""Makes the requests of workflows to other services, each as it becomes due: remote stages and their compensations.

Every replica makes them all. They ask under the same ids, so the other service does once what it is asked for (1.2),
and what came of it is recorded once, by whoever is first. None waits for another, and none takes over from one that
died: the rest just go on.
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
# The peer did nothing yet and says that it will later.
_PASSING = frozenset({ErrorCode.UNAVAILABLE, ErrorCode.RATE_LIMIT_EXCEEDED})


class CallFailed(Exception):
    """Why a call is given up, in words for whoever started the workflow. without_effect: that it did nothing."""

    def __init__(self, reason: str, *, without_effect: bool) -> None:
        super().__init__(reason)
        self.without_effect = without_effect


class PassingTrouble(Exception):
    """Why an attempt failed, where another may succeed."""


async def run_calls(host: Runtime) -> None:
    """Attend to every workflow that has a call to make, each in a task of its own, until cancelled."""
    attended: set[str] = set()
    async with asyncio.TaskGroup() as group:
        while True:
            state = _state(host)
            for workflow_id in (state.remote_due.keys() | state.compensation_due.keys()) - attended:
                attended.add(workflow_id)
                group.create_task(_attend(host, workflow_id, attended))
            await host.changed()


async def _attend(host: Runtime, workflow_id: str, attended: set[str]) -> None:
    """Make the calls of one workflow, one after the other."""
    backoff, made = Backoff(cap=LONGEST_PAUSE), None
    while (due := due_call(_state(host), workflow_id)) is not None:
        if due == made:  # its end could not be recorded
            await asyncio.sleep(backoff.next())
        await _until_overtaken(host, due)
        made = due
    attended.discard(workflow_id)


async def _until_overtaken(host: Runtime, due: DueCall) -> None:
    """Make a call; drop it as soon as it is no longer due, by a command or by another replica."""

    async def overtaken() -> None:
        while due_call(_state(host), due.workflow_id) == due:
            await host.changed()

    tasks = [asyncio.ensure_future(_Calling(host, due).make()), asyncio.ensure_future(overtaken())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


class _Calling:
    """One call, with all its attempts."""

    def __init__(self, host: Runtime, due: DueCall) -> None:
        self._host = host
        self._due = due
        self._about = {"workflow_id": due.workflow_id}
        self._attempts = 0
        self._error: str | None = None
        self._fresh = False  # whether nothing can have been asked for yet
        self._log = host.log.bind(workflow_id=due.workflow_id, request_id=due.request_id, peer=due.call.service)

    async def make(self) -> None:
        workflow = _state(self._host).workflows[self._due.workflow_id]
        with self._host.continuing(workflow.traceparent):
            await self._make()

    async def _make(self) -> None:
        begun = await self._record("begin_call", {"call": self._due.key})
        if begun is None:
            return
        self._attempts, self._error, self._fresh = begun["attempts"], begun["error"], begun["fresh"]
        try:
            result = await self._ask(datetime.fromisoformat(begun["deadline"]))
        except CallFailed as failure:
            self._host.metrics.calls.failed.inc()
            await self._fail(failure)
        else:
            self._host.metrics.calls.completed.inc()
            await self._complete(result)

    async def _ask(self, deadline: datetime) -> dict[str, Any]:
        """The other service's answer, however many of the attempts that there are it takes to get it in time."""
        backoff, most = Backoff(cap=LONGEST_PAUSE), self._due.call.attempts
        while (left := _left(deadline)) > 0 and (most is None or self._attempts < most):
            try:
                async with asyncio.timeout(left):
                    return await self._ask_once(min(left, LONGEST_ATTEMPT))
            except (PassingTrouble, TimeoutError) as trouble:
                await self._attempt_failed(str(trouble) or "There was no answer in time.")
            if most is None or self._attempts < most:
                await asyncio.sleep(min(backoff.next(), max(_left(deadline), 0.0)))
        if left > 0:
            reason = f"{self._due.call.service} was given up after {self._attempts} attempts: {self._error}"
        else:
            reason = f"{self._due.call.service} did not answer within {self._due.call.timeout:g} s."
        raise CallFailed(reason, without_effect=False)

    async def _ask_once(self, timeout: float) -> dict[str, Any]:
        call, request_id = self._due.call, self._due.request_id
        fresh, self._fresh = self._fresh, False
        try:
            data = resolved(call.data, _state(self._host).workflows[self._due.workflow_id])
            return await self._host.request(call.service, call.request, data, id=request_id, timeout=timeout)
        except Unresolved as problem:
            raise CallFailed(f"{problem}.", without_effect=fresh) from None
        except Unavailable:
            raise CallFailed(f"no peer {call.service} is configured.", without_effect=fresh) from None
        except RequestFailed as error:
            return self._refused(error)
        except ConnectionLost as lost:
            if lost.retriable:
                raise PassingTrouble(str(lost)) from lost
            raise CallFailed(f"{call.service} cannot be asked for this: {lost}", without_effect=False) from lost
        except (Unreachable, Indeterminate) as error:
            raise PassingTrouble(str(error)) from error
        except ClientError as error:
            raise CallFailed(f"{call.service} does not accept this service.", without_effect=fresh) from error

    def _refused(self, error: RequestFailed) -> dict[str, Any]:
        """Raises what follows from it, unless there was nothing to be undone."""
        if error.code in _PASSING:
            raise PassingTrouble(str(error)) from error
        if self._due.uncertain and error.code == ErrorCode.NOT_FOUND:
            return {}
        raise CallFailed(f"{self._due.call.service} answered {error}", without_effect=True) from error

    async def _attempt_failed(self, error: str) -> None:
        self._host.metrics.calls.attempts_failed.inc()
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
        """Write something down, trying again while the log cannot be written; None if it is no longer true.

        Each of these commands is taken only while its call is due, and so takes effect once.
        """
        backoff = Backoff(cap=LONGEST_PAUSE)
        while True:
            try:
                return await self._host.execute(command, self._about | data)
            except ServiceError as refusal:
                if refusal.code is not ErrorCode.UNAVAILABLE:
                    self._log.info("call overtaken", command=command, reason=refusal.message)
                    return None
                await asyncio.sleep(backoff.next())


def _left(deadline: datetime) -> float:
    """Seconds."""
    return (deadline - datetime.now(UTC)).total_seconds()


def _state(host: Runtime) -> State:
    return cast("State", host.state)
