"""Which settings only a restart changes: those that the schema marks with `RESTART` (protocol 7)."""

from collections.abc import Iterator
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from bodhisattva.servers.core.config import RESTART, Config

S = TypeVar("S", bound=msgspec.Struct)


def names(section: type[msgspec.Struct] = Config, prefix: str = "") -> Iterator[str]:
    """The dotted name of each marked setting; a marked section stands for all that is in it."""
    for key, (kind, marked) in _fields(section).items():
        if marked:
            yield f"{prefix}{key}"
        elif _is_section(kind):
            yield from names(kind, f"{prefix}{key}.")


def pending(running: Config, read: Config) -> list[str]:
    """The names of the settings that were read with another value than that in force, and need a restart."""
    return [name for name in names() if _value(running, name) != _value(read, name)]


def carry_over(running: S, read: S) -> S:
    """What was read, with the values in force of all settings that need a restart."""
    kept: dict[str, Any] = {}
    for key, (kind, marked) in _fields(type(read)).items():
        if marked:
            kept[key] = getattr(running, key)
        elif _is_section(kind):
            kept[key] = carry_over(getattr(running, key), getattr(read, key))
    return msgspec.structs.replace(read, **kept)


def _fields(section: type[msgspec.Struct]) -> dict[str, tuple[Any, bool]]:
    """The type of each field without its constraints, and whether it is marked."""
    hints = get_type_hints(section, include_extras=True)
    return {key: (_plain(hint), RESTART in getattr(hint, "__metadata__", ())) for key, hint in hints.items()}


def _plain(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _value(config: Config, name: str) -> Any:
    value: Any = config
    for key in name.split("."):
        value = getattr(value, key)
    return value
