"""Cobertura's coverage.xml, as coverage.py, gcovr, coverlet, grcov, gocover-cobertura, cover2cover and others write it.

They differ in what they write where nothing was measured: rates of 1 (coverage.py, gcovr, coverlet) or of 0 (grcov,
gocover-cobertura, cover2cover, which has no counts either). So neither is a measurement unless a line says so.
"""

from xml.etree.ElementTree import Element

import msgspec

from bodhisattva.servers.core.errors import InvalidData
from bodhisattva.servers.crackerjack.numbers import count, fraction
from bodhisattva.servers.crackerjack.safe_xml import parse

# 100 * 0.57 is less than 57 for a computer, and a gate at 57 was failed.
_DIGITS = 9


class Shares(msgspec.Struct, frozen=True):
    """Percentages; null is what was not measured."""

    line: float
    branch: float | None


def read(content: str) -> Shares:
    """What was measured; InvalidData if this is no such report, or if nothing was."""
    root = parse(content)
    if root.tag != "coverage":
        raise InvalidData("This is no Cobertura XML: its root is not coverage.", field="content")
    line = _share(root, "line", "lines", measured=_has_lines(root))
    if line is None:
        raise InvalidData("The report measured no line.", field="content")
    # Coverlet, as other tools of .NET, writes True.
    branching = any(line.get("branch", "").lower() == "true" for line in root.iter("line"))
    return Shares(line, _share(root, "branch", "branches", measured=branching))


def _has_lines(root: Element) -> bool:
    """A rate between 0 and 1 shows that there were some, also where the report leaves them out."""
    return root.find(".//line") is not None or fraction(root.get("line-rate") or "0") not in (0, 1)


def _share(root: Element, kind: str, counted: str, *, measured: bool) -> float | None:
    """By the counts, which are exact; by the rate if there are none and something was `measured`."""
    valid, covered = (count(root.get(f"{counted}-{name}")) for name in ("valid", "covered"))
    rate = root.get(f"{kind}-rate")
    if valid is not None and covered is not None:
        too_many, share = covered > valid, 100 * covered / valid if valid else None
    else:
        share = round(100 * fraction(rate), _DIGITS) if measured and rate is not None else None
        too_many = share is not None and share > 100
    if too_many:
        raise InvalidData("The report covers more than there is.", field="content")
    return share
