"""Semantic versions (semver.org 2.0.0) and the ranges that choose among them, as npm reads them.

A range is one or more sets of comparators, joined by `||`; a version is in the range if one set admits it. Within a
set the comparators are joined by blanks or commas: `1.2.3`, `=1.2.3`, `^1.2` (no change of the leftmost number that is
not 0), `~1.2` (no change of minor), `>=1 <2`, `1.2.x`, `*`, `1.2 - 2.3`. A set admits a prerelease only if it names one
of the same three numbers. Source: "Ranges" in the README of npm/node-semver, whose desugaring this module follows.
"""

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from semver import Version

from bodhisattva.servers.core.errors import InvalidData

_MINOR, _PATCH = 1, 2
_ZERO = Version(0)
_NUMBER = r"(?:0|[1-9][0-9]*|[xX*])"
_PARTIAL = rf"v?{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)?)?"
_HYPHEN = re.compile(rf"({_PARTIAL})\s+-\s+({_PARTIAL})")
_SIMPLE = re.compile(rf"(\^|~|>=|<=|>|<|=|)({_PARTIAL})")
_RELEASED = (2, 0, "")
_Precedence = tuple[int, int, int, tuple[tuple[int, int, str], ...]]


class _Comparator(NamedTuple):
    """A primitive comparator; all others are translated to these."""

    sign: str
    version: Version


class _Partial(NamedTuple):
    """A version with only the first `given` numbers; the others are 0 in `lowest`."""

    lowest: Version
    given: int

    @property
    def after(self) -> Version:
        """The first version that does not begin with the given numbers, of which there is at least one."""
        return _bump(self.lowest, self.given - 1)


def parse(text: str) -> Version:
    """Parse a version; InvalidData if it is none."""
    try:
        return Version.parse(text)
    except ValueError:
        raise InvalidData(
            "This is no semantic version.", field="version", expected="MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD]"
        ) from None


def identity(version: Version) -> str:
    """The key of a release: the version without build metadata, which precedence ignores too."""
    return str(version.replace(build=None))


def choose(versions: Iterable[Version], wanted: str | None) -> Version | None:
    """The highest version in the range `wanted`; InvalidData if this is no range.

    For None the latest: the highest release, or the highest prerelease if there is no release.
    """
    if wanted is None:
        return max(versions, key=lambda version: (version.prerelease is None, version), default=None)
    return Ordered(versions).choose(wanted)


class Ordered:
    """Versions in order of precedence, which makes the search for a range logarithmic."""

    def __init__(self, versions: Iterable[Version] = ()) -> None:
        self._all = sorted((precedence(version), str(version)) for version in versions)
        self._releases = [key for key, _ in self._all if not _is_prerelease(key)]
        self._prereleases = [key for key, _ in self._all if _is_prerelease(key)]
        self._versions = dict(self._all)

    def __iter__(self) -> Iterator[str]:
        """Lowest first."""
        return (text for _, text in self._all)

    def add(self, version: Version) -> None:
        key = precedence(version)
        insort(self._all, (key, str(version)))
        insort(self._prereleases if _is_prerelease(key) else self._releases, key)
        self._versions[key] = str(version)

    def choose(self, wanted: str) -> Version | None:
        """The highest version in a range; InvalidData if this is no range."""
        sets = [_comparators(part.strip()) for part in wanted.split("||")]
        found = [key for each in sets for key in self._highest(each)]
        return Version.parse(self._versions[max(found)]) if found else None

    def _highest(self, comparators: list[_Comparator]) -> Iterator[_Precedence]:
        """The highest release that a set admits, and for each prerelease that it names, the highest one admitted."""
        yield from _last(self._releases, comparators)
        for comparator in comparators:
            if comparator.version.prerelease:
                beginning = Version(*_numbers(comparator.version))
                near = [_Comparator(">=", beginning.replace(prerelease="0")), _Comparator("<", beginning)]
                yield from _last(self._prereleases, [*comparators, *near])


def _last(keys: list[_Precedence], comparators: list[_Comparator]) -> list[_Precedence]:
    begin, end = 0, len(keys)
    for sign, version in comparators:
        key = precedence(version)
        place = (bisect_right if sign in (">", "<=") else bisect_left)(keys, key)
        if sign in (">", ">="):
            begin = max(begin, place)
        elif sign == "=":
            begin, end = max(begin, place), min(end, bisect_right(keys, key))
        else:
            end = min(end, place)
    return keys[end - 1 : end] if begin < end else []


def precedence(version: Version) -> _Precedence:
    """A key that sorts as versions do (semver.org 11): numbers before letters, a release after both."""
    if not version.prerelease:
        return (*_numbers(version), (_RELEASED,))
    parts = version.prerelease.split(".")
    return (*_numbers(version), tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts))


def _is_prerelease(key: _Precedence) -> bool:
    return key[-1] != (_RELEASED,)


def _comparators(text: str) -> list[_Comparator]:
    """The comparators of one set; an empty set admits any version."""
    if (hyphen := _HYPHEN.fullmatch(text)) is not None:
        return [*_simple(">=", _partial(hyphen[1])), *_simple("<=", _partial(hyphen[2]))]
    found: list[_Comparator] = []
    for part in re.split(r"\s*,\s*|\s+", re.sub(r"([\^~<>=])\s+", r"\1", text or "*")):
        simple = _SIMPLE.fullmatch(part)
        if simple is None:
            raise _no_range()
        found += _simple(simple[1] or "=", _partial(simple[2]))
    return found


def _partial(text: str) -> _Partial:
    core, minus, prerelease = text.removeprefix("v").partition("+")[0].partition("-")
    numbers = []
    for number in core.split("."):
        if number in ("x", "X", "*"):
            break
        numbers.append(number)
    given = len(numbers)
    whole = minus + prerelease if given == _PATCH + 1 else ""
    try:
        return _Partial(Version.parse(".".join([*numbers, "0", "0", "0"][:3]) + whole), given)
    except ValueError:
        raise _no_range() from None


def _simple(sign: str, partial: _Partial) -> list[_Comparator]:
    """Translate a comparator. `-0` is the lowest prerelease, so `<2.0.0-0` admits none of 2.0.0."""
    lowest, given = partial
    if given == 0:
        return _below(_ZERO) if sign in ("<", ">") else [_Comparator(">=", _ZERO)]
    if sign == "^":
        return [_Comparator(">=", lowest), *_below(_bump(lowest, _leftmost(lowest, given)))]
    if sign == "~":
        return [_Comparator(">=", lowest), *_below(_bump(lowest, min(given - 1, _MINOR)))]
    if given == _PATCH + 1:
        return [_Comparator(sign, lowest)]
    match sign:
        case ">=":
            return [_Comparator(">=", lowest)]
        case ">":
            return [_Comparator(">=", partial.after)]
        case "<=":
            return _below(partial.after)
        case "<":
            return _below(lowest)
        case _:
            return [_Comparator(">=", lowest), *_below(partial.after)]


def _below(version: Version) -> list[_Comparator]:
    return [_Comparator("<", version.replace(prerelease="0"))]


def _leftmost(version: Version, given: int) -> int:
    """The index of the first number that is not 0, or else of the last number given."""
    return next((place for place, number in enumerate(_numbers(version)) if number), given - 1)


def _bump(version: Version, place: int) -> Version:
    plain = version.replace(prerelease=None)
    return (plain.bump_major, plain.bump_minor, plain.bump_patch)[place]()


def _numbers(version: Version) -> tuple[int, int, int]:
    return version.major, version.minor, version.patch


def _no_range() -> InvalidData:
    return InvalidData(
        "This is neither a version nor a range.",
        field="version",
        expected="such as 1.2.3, ^1.2, ~1.2, >=1 <2, 1.x or 1 - 2",
    )
