"""Callbacks for what becomes of a shared log, of which clients are notified."""

from collections.abc import Callable
from typing import NamedTuple


class LogListener(NamedTuple):
    """availability_changed: whether the log can be used again. gap: why events were passed over."""

    availability_changed: Callable[[bool], None]
    gap: Callable[[str], None]
