"""The adapter registry's declaration (protocol 8)."""

from bodhisattva.servers.core.channels import ChannelKind
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.dhruva import distribution, domain

SERVICE = Service(
    name="dhruva",
    server="dhruva",
    port=8693,
    purpose="adapter registry: versioned, checksummed adapters, stored and distributed",
    state=domain.State,
    channels=(ChannelKind("adapter:"), ChannelKind("storage:"), ChannelKind("distribution")),
    commands=(
        domain.store_adapter,
        distribution.distribute_adapter,
        distribution.acknowledge_distribution,
    ),
    queries=(
        domain.get_adapter,
        domain.get_adapter_status,
        domain.list_adapters,
        domain.get_adapter_content,
    ),
)
