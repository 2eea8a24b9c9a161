"""Results that have no verdict because a base fact does not hold: their reason names the clause that judges it."""

import re
from collections import Counter
from collections.abc import Iterable

from bodhisattva.reports.report import Cell

BECAUSE = "because of"
_REASON = re.compile(rf"{BECAUSE} ([^:]+): (.*)", re.DOTALL)


def cause_of(reason: str) -> tuple[str, str] | None:
    """The base clause that a reason names, and what was found; None if it names none."""
    found = _REASON.match(reason)
    return (found[1], found[2]) if found else None


def causes(cells: Iterable[Cell]) -> list[str]:
    """One sentence for each service and base fact that does not hold, those with the most results first."""
    counted = Counter((cell.service, *cause) for cell in cells if (cause := cause_of(cell.reason)) is not None)
    return [
        f"{clause} at {service}: {why}; {count} {'check rests' if count == 1 else 'checks rest'} on it"
        for (service, clause, why), count in counted.most_common()
    ]
