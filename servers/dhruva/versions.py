"""Semantic versions (semver.org 2.0.0) and the ranges that choose among them.

A range is one or more comparators, all of which must hold, joined by commas or blanks: `1.2.3`, `=1.2.3`, `^1.2`
(no change of the leftmost number that is not 0), `~1.2` (no change of minor), `>=1,<2`, `1.2.x`, `*`. As with npm,
a prerelease is chosen only by a range that names a prerelease of the same three numbers.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from semver import Version

from bodhisattva.servers.core.errors import InvalidData

_COMPARATOR = re.compile(
    r"(?P<operator>\^|~|>=|<=|>|<|=|)"
    r"(?P<numbers>[0-9]+(\.[0-9]+){0,2})(?P<any>(\.[xX*]){0,2})"
    r"(?P<prerelease>-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"
)
_MAJOR, _MINOR, _PATCH = range(3)


class _Interval(NamedTuple):
    """The versions from `low` (included) to `high` (excluded); `named` is the version that the range spelled."""

    named: Version | None = None
    low: Version | None = None
    high: Version | None = None

    def __contains__(self, version: object) -> bool:
        assert isinstance(version, Version)
        above = self.low is None or version >= self.low
        return above and (self.high is None or version < self.high)

    def admits_prerelease(self, version: Version) -> bool:
        named = self.named
        return named is not None and bool(named.prerelease) and _numbers(named) == _numbers(version)


def parse(text: str) -> Version:
    """The version; InvalidData if it is none."""
    try:
        return Version.parse(text)
    except ValueError:
        raise InvalidData(
            "This is no semantic version.", field="version", expected="MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD]"
        ) from None


def identity(version: Version) -> str:
    """What tells one release from another: precedence ignores build metadata, and so does a registry."""
    return str(version.replace(build=None))


def choose(versions: Iterable[Version], wanted: str | None) -> Version | None:
    """The highest version in the range `wanted`, or of all; InvalidData if `wanted` is no range."""
    if wanted is None:
        return max(versions, default=None)
    intervals = _range(wanted)
    return max((version for version in versions if _in_all(version, intervals)), default=None)


def _in_all(version: Version, intervals: list[_Interval]) -> bool:
    if version.prerelease and not any(interval.admits_prerelease(version) for interval in intervals):
        return False
    return all(version in interval for interval in intervals)


def _range(text: str) -> list[_Interval]:
    joined = re.sub(r"([\^~<>=])\s+", r"\1", text)
    comparators = [part for part in re.split(r"[\s,]+", joined) if part]
    if not comparators:
        raise _no_range()
    return [_interval(comparator) for comparator in comparators]


def _interval(comparator: str) -> _Interval:
    if comparator in ("*", "x", "X"):
        return _Interval()
    match = _COMPARATOR.fullmatch(comparator)
    if match is None:
        raise _no_range()
    given = match["numbers"].count(".") + 1
    if given + match["any"].count(".") > 3 or (match["prerelease"] and given < 3):
        raise _no_range()
    try:
        named = Version.parse(match["numbers"] + ".0" * (3 - given) + (match["prerelease"] or ""))
    except ValueError:
        raise _no_range() from None
    return _bounds(match["operator"], named, given)


def _bounds(operator: str, named: Version, given: int) -> _Interval:
    """The interval of `operator` and a version of which only the first `given` numbers were spelled."""
    after = _successor(named) if given == 3 else _bump(named, given - 1)
    match operator:
        case "^":
            return _Interval(named, named, _bump(named, _leftmost(named, given)))
        case "~":
            return _Interval(named, named, _bump(named, min(given - 1, _MINOR)))
        case ">=":
            return _Interval(named, named)
        case ">":
            return _Interval(named, after)
        case "<=":
            return _Interval(named, None, after)
        case "<":
            return _Interval(named, None, named)
        case _:
            return _Interval(named, named, after)


def _leftmost(version: Version, given: int) -> int:
    """The place of the first number that is not 0, or of the last that was spelled."""
    return next((place for place, number in enumerate(_numbers(version)) if number), given - 1)


def _bump(version: Version, place: int) -> Version:
    bumped = (version.bump_major, version.bump_minor, version.bump_patch)[place]
    return bumped() if not version.prerelease else _bump(version.replace(prerelease=None), place)


def _successor(version: Version) -> Version:
    """The next version in semver's order, before which no other fits."""
    if version.prerelease:
        return version.replace(prerelease=f"{version.prerelease}.0")
    return version.bump_patch().replace(prerelease="0")


def _numbers(version: Version) -> tuple[int, int, int]:
    return version.major, version.minor, version.patch


def _no_range() -> InvalidData:
    return InvalidData(
        "This is neither a version nor a range.", field="version", expected="such as 1.2.3, ^1.2, ~1.2 or >=1,<2"
    )
