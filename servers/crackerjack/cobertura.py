"""Cobertura's coverage.xml, as coverage.py, gcovr and others write it."""

from xml.etree.ElementTree import Element

import msgspec

from bodhisattva.servers.core.errors import InvalidData
from bodhisattva.servers.crackerjack.safe_xml import parse

# 100 * 0.57 is less than 57 for a computer, and a gate at 57 was failed.
_DIGITS = 9


class Shares(msgspec.Struct, frozen=True):
    """Percentages; null is what was not measured."""

    line: float
    branch: float | None


def read(content: str) -> Shares:
    """What was measured; InvalidData if this is no such report, or if nothing was.

    coverage.py writes a rate of 0 (or 1) where there was nothing to measure: counts of 0 are no measurement.
    """
    root = parse(content)
    if root.tag != "coverage":
        raise InvalidData("This is no Cobertura XML: its root is not coverage.", field="content")
    line = _share(root, "line", "lines", measured=root.get("line-rate") is not None)
    if line is None:
        raise InvalidData("The report measured no line.", field="content")
    # Coverlet, as other tools of .NET, writes True.
    branching = any(line.get("branch", "").lower() == "true" for line in root.iter("line"))
    return Shares(line, _share(root, "branch", "branches", measured=branching))


def _share(root: Element, kind: str, counted: str, *, measured: bool) -> float | None:
    """By the counts, which are exact; by the rate if there are none and something was `measured`."""
    valid, covered, rate = (
        _number(root.get(name)) for name in (f"{counted}-valid", f"{counted}-covered", f"{kind}-rate")
    )
    if valid is not None and covered is not None:
        share = 100 * covered / valid if valid else None
    else:
        share = round(100 * rate, _DIGITS) if rate is not None and measured else None
    if share is not None and not 0 <= share <= 100:
        raise InvalidData("The report covers more than there is.", field="content")
    return share


def _number(text: str | None) -> float | None:
    """None if the attribute is not there; InvalidData if it is no number."""
    try:
        return None if text is None else float(text)
    except ValueError:
        raise InvalidData("The report's figures are no numbers.", field="content") from None
