"""Finds what a folder holds: one module per entry, registered by its own presence."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any


class UnknownName(LookupError):
    """No entry of that name; the message lists those that exist."""


def entries(package: str, attribute: str) -> dict[str, Any]:
    """`attribute` of each module of `package`, by the module's name with dashes for underscores."""
    folder = import_module(package)
    return {
        module.name.replace("_", "-"): getattr(import_module(f"{package}.{module.name}"), attribute)
        for module in sorted(iter_modules(folder.__path__), key=lambda module: module.name)
    }


def entry(package: str, attribute: str, name: str) -> Any:
    """The entry called `name`, or UnknownName."""
    found = entries(package, attribute)
    if name not in found:
        kind = package.rpartition(".")[2].removesuffix("s")
        raise UnknownName(f"no {kind} is called {name!r}; there are: {', '.join(found)}")
    return found[name]
