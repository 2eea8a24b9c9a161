"""Adapters: the engines that workflows run on, and their health."""

from typing import Annotated, Any

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.inputs import Id, Name, Paging, claim_id, find, page
from bodhisattva.servers.mahavishnu.domain import AdapterHealth, State


class RegisterAdapter(msgspec.Struct, frozen=True):
    adapter_name: Name
    provider: Name
    capabilities: Annotated[list[Name], msgspec.Meta(max_length=1000)] = []
    adapter_id: Id | None = None


class SetAdapterHealth(msgspec.Struct, frozen=True):
    adapter_id: Id
    status: AdapterHealth
    details: dict[str, Any] = {}


class ListAdapters(Paging, frozen=True):
    health: AdapterHealth | None = None


def register_adapter(state: State, data: RegisterAdapter, context: Context) -> Decision:
    adapter_id = claim_id(state.adapters, data.adapter_id, "adapter_id", context)
    facts = {
        "adapter_id": adapter_id,
        "adapter_name": data.adapter_name,
        "provider": data.provider,
        "capabilities": data.capabilities,
        "registered_at": context.now.isoformat(),
    }
    return Decision({"adapter_id": adapter_id}, (Event("adapter.registered", ("adapters",), facts),))


def set_adapter_health(state: State, data: SetAdapterHealth, context: Context) -> Decision:
    """Record the adapter's health. No workflow starts on an unhealthy adapter."""
    adapter = find(state.adapters, data.adapter_id, "adapter_id")
    facts = {
        "adapter_id": adapter.adapter_id,
        "adapter_name": adapter.adapter_name,
        "old_status": adapter.health,
        "new_status": data.status,
        "details": data.details,
        "changed_at": context.now.isoformat(),
    }
    answer = {"adapter_id": adapter.adapter_id, "status": data.status}
    return Decision(answer, (Event("adapter.health_changed", ("adapters",), facts),))


def list_adapters(state: State, data: ListAdapters, context: Context) -> dict[str, Any]:
    adapters, after = page(state.adapters, data, lambda adapter: data.health in (None, adapter.health))
    return {"adapters": [msgspec.to_builtins(adapter) for adapter in adapters], "next": after}
