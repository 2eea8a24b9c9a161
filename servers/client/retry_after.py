"""The wait that a server requests of a client. An invalid value counts as none, and a long wait is capped."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST = 60.0
"""The longest wait that a server can request, in seconds."""


def seconds(value: Any, default: float = 0.0, longest: float = LONGEST) -> float:
    """A JSON number as seconds from 0 to `longest`; `default` for no number, a negative one or NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        return default
    return float(min(value, longest))


def from_header(header: str | None) -> float:
    """Seconds of a `Retry-After` header: a number or a date (RFC 9110, 10.2.3). 0 if missing or invalid."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return LONGEST if len(text) > len(str(int(LONGEST))) else seconds(int(text))
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return seconds((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp())
