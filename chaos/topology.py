"""Which processes an experiment runs, and which links lead to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bodhisattva.fixtures.stack.kinds import EMBEDDED, REDIS


@dataclass(frozen=True)
class Topology:
    """Services, and the names of the links that lead to each of them; every process has one link of each name.

    replicas: processes of each service. More than one share a log in one Redis, the target `store`, to which each
    has a link of its own, called `redis`. own_store: each service keeps its log in a file of its own.
    settings: of each service, merged into its configuration.
    """

    services: tuple[str, ...]
    links: tuple[str, ...]
    replicas: int = 1
    own_store: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shared(self) -> bool:
        return self.replicas > 1

    @property
    def proxied(self) -> bool:
        """Whether there are links, which need Toxiproxy."""
        return self.shared or bool(self.links)

    def log(self, requested: str) -> str:
        """Where the services keep their logs, of LOGS."""
        if self.shared:
            return REDIS
        return EMBEDDED if self.own_store else requested

    @property
    def processes(self) -> dict[str, tuple[str, ...]]:
        """The names of each service's processes: its own, or that with a number."""
        return {
            service: tuple(f"{service}-{n}" for n in range(1, self.replicas + 1)) if self.shared else (service,)
            for service in self.services
        }
