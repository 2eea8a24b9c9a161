"""Distributes a stored release to a target, which acknowledges it."""

from typing import Annotated, Any, Literal

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.errors import Conflict, InvalidData
from bodhisattva.servers.core.inputs import Name, find
from bodhisattva.servers.dhruva.domain import AdapterId, Checksum, State, VersionText


class DistributeAdapter(msgspec.Struct, frozen=True):
    """version: a version or a range; the latest if None."""

    adapter_id: AdapterId
    target: Name
    version: VersionText | None = None
    distribution_id: Name | None = None


class AcknowledgeDistribution(msgspec.Struct, frozen=True):
    """sha256: of what the target received."""

    distribution_id: Name
    status: Literal["installed", "failed"] = "installed"
    sha256: Checksum | None = None
    detail: Annotated[str, msgspec.Meta(max_length=10_000)] | None = None


def distribute_adapter(state: State, data: DistributeAdapter, context: Context) -> Decision:
    """Announce the release to the target, which fetches it by get_adapter_content and acknowledges."""
    release = state.adapter(data.adapter_id).release(data.version)
    distribution_id = data.distribution_id or context.new_id()
    if distribution_id in state.distributions:
        raise Conflict("A distribution of this id exists.", field="distribution_id", value=distribution_id)
    sent = {
        "distribution_id": distribution_id,
        "adapter_id": data.adapter_id,
        "version": release.version,
        "target": data.target,
        "sha256": release.sha256,
        "distributed_by": context.user_id,
        "distributed_at": context.now.isoformat(),
    }
    answer = {"distribution_id": distribution_id, "version": release.version, "status": "pending"}
    return Decision(answer, events=(Event("adapter.distributed", ("distribution",), sent),))


def acknowledge_distribution(state: State, data: AcknowledgeDistribution, context: Context) -> Decision:
    """Record how the distribution ended. The same status again changes nothing; another one is a Conflict."""
    sent = find(state.distributions, data.distribution_id, "distribution_id", "There is no such distribution.")
    if data.sha256 is not None and data.status == "installed" and data.sha256.lower() != sent.sha256:
        raise InvalidData("This is not what was sent.", field="sha256", expected=sent.sha256)
    answer = {"distribution_id": sent.distribution_id, "status": data.status}
    if sent.status == data.status:
        return Decision(answer)
    if sent.status != "pending":
        raise Conflict("The distribution was acknowledged.", field="status", expected=sent.status)
    acknowledged: dict[str, Any] = {
        "distribution_id": sent.distribution_id,
        "adapter_id": sent.adapter_id,
        "version": sent.version,
        "target": sent.target,
        "status": data.status,
        "detail": data.detail,
        "acknowledged_by": context.user_id,
        "acknowledged_at": context.now.isoformat(),
    }
    return Decision(answer, events=(Event("distribution.acknowledged", ("distribution",), acknowledged),))
