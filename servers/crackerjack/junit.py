"""JUnit XML, as pytest, Maven Surefire and most other test tools write it.

There is no one schema. All tools have in common: `testsuites` or a `testsuite` at the top, suites in suites,
`testcase` with `failure`, `error` or `skipped` in it. Surefire's `flakyFailure` is a test that passed in the end.
GoogleTest and CTest list disabled tests too, by attributes or by `disabled`: those were not run.
A suite may count failures that no test in it has, as jest-junit does for a file that does not load. They fail too.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

import msgspec

from bodhisattva.servers.core.errors import InvalidData
from bodhisattva.servers.crackerjack.domain import Outcome, Result
from bodhisattva.servers.crackerjack.numbers import Seconds, count
from bodhisattva.servers.crackerjack.safe_xml import parse

_NAME_LENGTH = 1000
_BROKEN = ("failure", "error")
_MAY_FAIL = "TEST_CASE tagged with !mayfail"
_TIMED = ("testsuites", "testsuite", "testcase")
_COUNTED = (*_BROKEN, "flakyFailure", "flakyError", "rerunFailure", "rerunError")
_FAILED = frozenset({"fail", "failed", "failure", "error", "errored", "broken"})
_NOT_RUN = frozenset({"notrun", "suppressed", "skipped", "disabled"})


class Report(msgspec.Struct, frozen=True):
    """suite: its name, empty if it has none. duration_seconds: from the report, or the sum of its tests'."""

    suite: str
    started_at: datetime | None
    duration_seconds: float
    results: list[Result]


def read(content: str) -> Report:
    """Parse a report; InvalidData if this is none, has no test, or has a number that cannot be read."""
    root = parse(content)
    if root.tag not in ("testsuites", "testsuite"):
        raise InvalidData("This is no JUnit XML: its root is neither testsuites nor testsuite.", field="content")
    seconds = Seconds(element.get("time", "") for element in root.iter() if element.tag in _TIMED)
    results = list(_results(root, seconds))
    if not results:
        raise InvalidData("The report has no test.", field="content")
    suites = [suite for suite in root.iter("testsuite") if suite.find("testcase") is not None]
    names = list(dict.fromkeys(suite.get("name", "") for suite in suites))
    times = [moment for suite in suites if (moment := _moment(suite.get("timestamp"))) is not None]
    return Report(
        suite=(root.get("name") or ", ".join(filter(None, names)))[:200],
        started_at=min(times, default=None),
        duration_seconds=_duration(root, seconds),
        results=results,
    )


def _results(root: Element, seconds: Seconds) -> Iterator[Result]:
    """Every test's result, in order. A repeated name gets a number, since results are kept by name."""
    taken: set[str] = set()
    repeated: Counter[str] = Counter()
    for result in (*(_result(case, seconds) for case in root.iter("testcase")), *_unlisted(root)):
        name = numbered = result.test_name
        while numbered in taken:
            repeated[name] += 1
            numbered = f"{name[: _NAME_LENGTH - 10]} #{repeated[name] + 1}"
        taken.add(numbered)
        yield msgspec.structs.replace(result, test_name=numbered)


def _result(case: Element, seconds: Seconds) -> Result:
    name = ".".join(filter(None, (case.get("classname"), case.get("name") or "unnamed")))[:_NAME_LENGTH]
    duration = seconds.read(case.get("time"))
    broken = [child for child in case if child.tag in _BROKEN]
    if broken and not _may_fail(case):
        texts = [(child.text or "").strip() for child in broken]
        error = broken[0].get("message") or texts[0].partition("\n")[0] or broken[0].get("type") or broken[0].tag
        return Result(name, "failed", duration, error, "\n\n".join(filter(None, texts)) or None)
    ends = _ends(case)
    if ends & _FAILED:
        return Result(name, "failed", duration, "The report gives no reason for the failure.")
    outcome: Outcome = "skipped" if (ends | {child.tag for child in case}) & _NOT_RUN else "passed"
    return Result(name, outcome, duration)


def _may_fail(case: Element) -> bool:
    """Whether the test may fail: Catch2 lists the failures of such a test and does not count them."""
    return any(child.tag == "skipped" and child.get("message") == _MAY_FAIL for child in case)


def _ends(case: Element) -> set[str | None]:
    return {case.get("status"), case.get("result")}


def _listed(case: Element) -> int:
    if _may_fail(case):
        return 0
    return sum(part.tag in _COUNTED for part in case) or len(_ends(case) & _FAILED)


def _unlisted(root: Element) -> Iterator[Result]:
    """A failed result for the failures that the report counts and does not list."""
    _, missing = _failures(root)
    if missing:
        error = f"The report counts failures that it does not list: {missing}."
        yield Result("failures that are not listed", "failed", None, error)


def _failures(element: Element) -> tuple[int, int]:
    """How many failures the element lists, and how many more it counts; each suite is compared by itself.

    Surefire may also count the runs that it repeated.
    """
    listed = missing = 0
    for child in element:
        if child.tag == "testcase":
            listed += _listed(child)
        else:
            within = _failures(child)
            listed, missing = listed + within[0], missing + within[1]
    counted = sum(count(element.get(name)) or 0 for name in ("failures", "errors"))
    return listed, max(counted - listed, missing)


def _duration(element: Element, seconds: Seconds) -> float:
    """Seconds: the element's own time, which includes the suites in it, or else the sum of its parts."""
    if (own := seconds.read(element.get("time"))) is not None:
        return own
    return sum(_duration(child, seconds) for child in element if child.tag in ("testsuite", "testcase"))


def _moment(text: str | None) -> datetime | None:
    """A time in ISO 8601; one without an offset is read as UTC."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
