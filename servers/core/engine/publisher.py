"""The port through which the engine reaches subscribers; `Hub` is its adapter."""

from typing import Any, Protocol

from bodhisattva.servers.core.domain import Event, Join, Leave
from bodhisattva.servers.core.log.base import StoredEvent


class Publisher(Protocol):
    """Subscriptions and presence of one service at this process.

    epoch: the log's, which numbered events name. say: an ephemeral event, for subscribers at every replica.
    present: the members of a channel that are connected here.
    """

    epoch: str

    def publish(self, event: StoredEvent) -> None: ...

    def say(self, event: Event) -> None: ...

    def connected(self, connection_id: str) -> bool: ...

    def change_membership(self, connection_id: str, change: Join | Leave) -> None: ...

    def present(self, channel: str) -> list[dict[str, Any]]: ...
