"""How long a server asks a client to wait; what is no such number is taken for none, and what is too much is cut."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST = 60.0
"""Seconds that a client waits at most because a server asked it to."""


def seconds(value: Any, default: float = 0.0, longest: float = LONGEST) -> float:
    """A number of JSON as seconds from 0 to `longest`; `default` for what is no number, is negative or is NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        return default
    return float(min(value, longest))


def retry_after(header: str | None) -> float:
    """The seconds of a `Retry-After`, which is a number or a date (RFC 9110, 10.2.3); 0 for none, and for neither."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return LONGEST if len(text) > len(str(int(LONGEST))) else seconds(int(text))
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return seconds((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp())
