"""Numbers as test tools write them into reports; an ambiguous number is refused."""

import re
from collections.abc import Iterable

from bodhisattva.servers.core.errors import InvalidData

_LONGEST = 1e9
_COUNT = re.compile(r"[0-9]{1,9}(\.0)?|[1-9][0-9]{0,2}(,[0-9]{3}){1,2}")
_PLAIN = re.compile(r"([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_GROUPED = re.compile(r"[1-9][0-9]{0,2}((,[0-9]{3})+\.[0-9]*|(,[0-9]{3}){2,})")
_EITHER = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")
_COMMA = re.compile(r"[0-9]+,[0-9]*")


def count(text: str | None) -> int | None:
    """A count, with or without commas between thousands. None if there is no text, InvalidData if it is no count."""
    if not (stripped := (text or "").strip()):
        return None
    if not _COUNT.fullmatch(stripped):
        raise _unreadable("count", stripped)
    return int(stripped.replace(",", "").partition(".")[0])


def fraction(text: str) -> float:
    """A number with a decimal point; InvalidData if it is none."""
    if not _PLAIN.fullmatch(text.strip()):
        raise _unreadable("number", text)
    return float(text)


class Seconds:
    """Reads the times of one report.

    Surefire groups thousands by commas. In many countries a comma is the decimal point. `1,204` can be either: the
    report's other times decide. If they do not, it is refused.
    """

    def __init__(self, times: Iterable[str]) -> None:
        points = commas = False
        for time in map(str.strip, times):
            points |= "." in time
            commas |= bool(_COMMA.fullmatch(time)) and not _EITHER.fullmatch(time)
        self._point = "." if points and not commas else "," if commas and not points else None

    def read(self, text: str | None) -> float | None:
        """Seconds; None if there is no digit in the text. InvalidData if it is no time from 0 to 10^9 seconds."""
        stripped = (text or "").strip()
        if not re.search("[0-9]", stripped):
            return None
        seconds = float(self._plain(stripped))
        if seconds > _LONGEST:
            raise _unreadable("time", stripped)
        return seconds

    def _plain(self, text: str) -> str:
        if _EITHER.fullmatch(text):
            if self._point is None:
                raise InvalidData(
                    f"The report's time {text} can be {text.replace(',', '')} or {text.replace(',', '.')} seconds.",
                    field="content",
                )
            return text.replace(",", "" if self._point == "." else ".")
        if _GROUPED.fullmatch(text):
            return text.replace(",", "")
        if _PLAIN.fullmatch(text) or _COMMA.fullmatch(text):
            return text.replace(",", ".")
        raise _unreadable("time", text)


def _unreadable(what: str, text: str) -> InvalidData:
    return InvalidData(f"The report's {what} {text[:50]!r} is none.", field="content")
