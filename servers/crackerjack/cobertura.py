"""Cobertura's coverage.xml, as coverage.py, gcovr, coverlet, grcov, gocover-cobertura, cover2cover and others write it.

The tools differ in what they write where nothing was measured: a rate of 1 (coverage.py, gcovr, coverlet) or of 0
(grcov, gocover-cobertura, cover2cover, which has no counts either). So neither is a measurement without a line.
"""

from xml.etree.ElementTree import Element

import msgspec

from bodhisattva.servers.core.errors import InvalidData
from bodhisattva.servers.crackerjack.numbers import count, fraction
from bodhisattva.servers.crackerjack.safe_xml import parse

# As floats 100 * 0.57 is less than 57, which failed a gate at 57.
_DIGITS = 9


class Shares(msgspec.Struct, frozen=True):
    """Percentages; None if not measured."""

    line: float
    branch: float | None


def read(content: str) -> Shares:
    """The report's coverage; InvalidData if this is no such report, or if it measured nothing."""
    root = parse(content)
    if root.tag != "coverage":
        raise InvalidData("This is no Cobertura XML: its root is not coverage.", field="content")
    line = _share(root, "line", "lines", measured=_has_lines(root))
    if line is None:
        raise InvalidData("The report measured no line.", field="content")
    # Coverlet and other .NET tools write True.
    branching = any(line.get("branch", "").lower() == "true" for line in root.iter("line"))
    return Shares(line, _share(root, "branch", "branches", measured=branching))


def _has_lines(root: Element) -> bool:
    """Whether the report covers any line; a report without lines shows it by a rate between 0 and 1."""
    return root.find(".//line") is not None or fraction(root.get("line-rate") or "0") not in (0, 1)


def _share(root: Element, kind: str, counted: str, *, measured: bool) -> float | None:
    """Percent, from the counts, which are exact. Without counts, from the rate, if something was `measured`."""
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
