"""What the engine needs of the service that it runs; `core.service.Service` is one."""

from collections.abc import Callable, Mapping
from typing import Protocol

from bodhisattva.servers.core.channels import ChannelKind
from bodhisattva.servers.core.domain import State
from bodhisattva.servers.core.handlers import Handler


class Model(Protocol):
    """A service's name, its fresh state, its own commands by name, and its channels.

    channel_kind: InvalidChannel for a channel that the service does not have.
    """

    @property
    def name(self) -> str: ...

    @property
    def state(self) -> Callable[[], State]: ...

    @property
    def own_handlers(self) -> Mapping[str, Handler]: ...

    def channel_kind(self, channel: str) -> ChannelKind: ...
