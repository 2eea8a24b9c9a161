from unittest.mock import patch

from msgspec.structs import replace

from bodhisattva.servers.core.connections.limits import ConnectionCounts

CLAUSE = "PROTOCOL-063"
WRONG = "lets one address have any number of connections"
SAYS = "over connections_per_address"

add = ConnectionCounts.add


def add_of_anywhere(counts: ConnectionCounts, address: str) -> bool:
    configured = counts.limits
    counts.limits = replace(configured, connections_per_address=1_000_000)
    try:
        return add(counts, address)
    finally:
        counts.limits = configured


def mutate() -> None:
    patch.object(ConnectionCounts, "add", add_of_anywhere).start()
