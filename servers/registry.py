"""The services: every package beside this file that has a `service.py`."""

from functools import cache
from importlib import import_module
from pathlib import Path

from bodhisattva.servers.core.service import Service


@cache
def services() -> dict[str, Service]:
    """Every service by its name."""
    found = [
        import_module(f"bodhisattva.servers.{path.parent.name}.service").SERVICE
        for path in sorted(Path(__file__).parent.glob("*/service.py"))
        if path.parent.name != "core"
    ]
    return {service.name: service for service in found}
