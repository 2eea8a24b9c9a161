"""Runs the stages that name another service, on that service, as each becomes due."""

import asyncio
from typing import TYPE_CHECKING, Any, cast

from bodhisattva.servers.client import Backoff, ClientError, Indeterminate, RequestFailed, Unreachable
from bodhisattva.servers.core.errors import ErrorCode, ServiceError, Unavailable
from bodhisattva.servers.mahavishnu.domain import Stage, State

if TYPE_CHECKING:
    from bodhisattva.servers.core.host import Host

LONGEST_PAUSE = 5.0
LONGEST_ERROR = 1000
# The peer did nothing yet and says that it will later.
_PASSING = frozenset({ErrorCode.UNAVAILABLE, ErrorCode.RATE_LIMIT_EXCEEDED})

# A workflow's id and the index of its due stage.
Due = tuple[str, int]


class StageError(Exception):
    """Why a stage cannot be completed, in words for whoever started the workflow."""


async def run_remote_stages(host: "Host") -> None:
    """Take up every remote stage that is or becomes due, each in a task of its own, until cancelled.

    A stage's requests have ids made of workflow and index, so what a crash interrupted is asked for again but
    done once. Its time limit begins anew when it is taken up again after a restart.
    """
    taken: set[Due] = set()
    async with asyncio.TaskGroup() as group:
        while True:
            state = cast("State", host.state)
            for due in set(state.remote_due.items()) - taken:
                taken.add(due)
                workflow_id, index = due
                stage = state.workflows[workflow_id].stages[index]
                group.create_task(_take_up(host, due, stage, taken))
            await host.changed()


async def _take_up(host: "Host", due: Due, stage: Stage, taken: set[Due]) -> None:
    workflow_id, index = due
    request_id = f"{workflow_id}/stage-{index}"
    data: dict[str, Any] = {"workflow_id": workflow_id}
    try:
        data |= {"stage_name": stage.name, "result": await _ask(host, stage, request_id)}
        command = "complete_stage"
    except StageError as failure:
        data |= {"error": str(failure)[:LONGEST_ERROR]}
        command = "fail_workflow"
    await _record(host, command, data, f"{request_id}/{command}")
    taken.discard(due)


async def _ask(host: "Host", stage: Stage, request_id: str) -> dict[str, Any]:
    """The other service's answer, however often it takes to get it within the stage's time limit."""
    backoff = Backoff(cap=LONGEST_PAUSE)
    try:
        async with asyncio.timeout(stage.timeout):
            while True:
                answer = await _ask_once(host, stage, request_id)
                if answer is not None:
                    return answer
                await asyncio.sleep(backoff.next())
    except TimeoutError:
        limit = f"{stage.timeout:g} s"
        raise StageError(f"Stage {stage.name}: {stage.service} did not answer within {limit}.") from None


async def _ask_once(host: "Host", stage: Stage, request_id: str) -> dict[str, Any] | None:
    """The answer, or None if asking again may help."""
    assert stage.service is not None
    assert stage.request is not None
    assert stage.timeout is not None
    try:
        peer = await host.peer(stage.service)
        return await peer.request(stage.request, stage.data, id=request_id, timeout=stage.timeout)
    except Unavailable:
        raise StageError(f"Stage {stage.name}: no peer {stage.service} is configured.") from None
    except RequestFailed as error:
        if error.code in _PASSING:
            return None
        raise StageError(f"Stage {stage.name}: {stage.service} answered {error}") from error
    except (Unreachable, Indeterminate) as error:
        host.log.warning("peer gave no answer", peer=stage.service, stage=stage.name, error=str(error))
        return None
    except ClientError as error:
        raise StageError(f"Stage {stage.name}: {stage.service} does not accept this service.") from error


async def _record(host: "Host", command: str, data: dict[str, Any], request_id: str) -> None:
    """Write down how the stage ended; while the log cannot be written, try again."""
    backoff = Backoff(cap=LONGEST_PAUSE)
    while True:
        try:
            await host.execute(command, data, request_id)
        except ServiceError as refusal:
            if refusal.code is not ErrorCode.UNAVAILABLE:
                host.log.info("remote stage overtaken", request_id=request_id, reason=refusal.message)
                return
            await asyncio.sleep(backoff.next())
        else:
            return
