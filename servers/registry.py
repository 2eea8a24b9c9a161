"""The services that can be served: this package's own, and those that other packages bring.

Its own are found by presence: every package beside this file that has a `service.py`. Another package brings one by an
entry point of the group `bodhisattva.services`, whose value names the `Service`, such as `lending.service:SERVICE`.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.core.service import Service

GROUP = "bodhisattva.services"


@cache
def services() -> dict[str, Service]:
    """Every service by its name, in alphabetical order; Refused names an entry point that is of no use."""
    found = {service.name: service for service in _own()}
    for point in entry_points(group=GROUP):
        service = _loaded(point)
        if service.name in found:
            raise Refused(f"the entry point {point.name} ({point.value}) is a second service {service.name}")
        found[service.name] = service
    return dict(sorted(found.items()))


def _own() -> Iterator[Service]:
    for path in Path(__file__).parent.glob("*/service.py"):
        if path.parent.name != "core":
            yield import_module(f"bodhisattva.servers.{path.parent.name}.service").SERVICE


def _loaded(point: EntryPoint) -> Service:
    try:
        service = point.load()
    except (ImportError, AttributeError) as error:
        raise Refused(f"the entry point {point.name} ({point.value}) cannot be loaded: {error}") from error
    if not isinstance(service, Service):
        raise Refused(f"the entry point {point.name} ({point.value}) is no Service")
    return service
