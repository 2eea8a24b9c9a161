"""What to do first after a run: the causes that most rests on, in the order in which they are worth mending."""

import re
from collections.abc import Mapping, Sequence

from bodhisattva.reports.causes import cause_of
from bodhisattva.reports.report import Finding, First
from bodhisattva.reports.run import NOT_RUN, Base

SHOWN = 3
_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|\S*\d\S*")
_SECURE = "secure"


def first(failures: Sequence[Finding], gaps: Sequence[Finding], bases: Mapping[str, Base]) -> list[First]:
    """At most three things: broken MUSTs by cause, then causes that left MUSTs unjudged.

    Failures that show the symptom of a broken base have it as their cause; others that differ in names and numbers only
    have one cause, too. Broken bases come first, in their order, then what concerns security, then what affects most.
    """
    order, resting = list(bases), _resting(gaps)
    broken = sorted(_causes(failures, bases), key=lambda cause: _rank(cause, order, resting))
    unjudged = [gap for gap in gaps if cause_of(gap.reason) is None]
    open_ones = sorted(_causes(unjudged, {}), key=lambda cause: -len(cause))
    things = [_broken(cause, order, resting) for cause in broken] + [_unjudged(cause) for cause in open_ones]
    return things[:SHOWN]


def _resting(gaps: Sequence[Finding]) -> dict[str, int]:
    """How many checks were not judged because of a clause, by its id."""
    named = [found[0] for gap in gaps if (found := cause_of(gap.reason)) is not None]
    return {clause: named.count(clause) for clause in named}


def _causes(findings: Sequence[Finding], bases: Mapping[str, Base]) -> list[list[Finding]]:
    groups: dict[tuple[bool, str], list[Finding]] = {}
    symptoms = _symptoms(findings, bases)
    for finding in findings:
        known = finding.deviation is not None
        shown = next((base for base, symptom in symptoms.items() if symptom.search(finding.reason)), "")
        cause = shown or (finding.clause if finding.clause in bases else _VARYING.sub("…", finding.reason))
        groups.setdefault((known, cause or finding.clause), []).append(finding)
    return list(groups.values())


def _symptoms(findings: Sequence[Finding], bases: Mapping[str, Base]) -> dict[str, re.Pattern[str]]:
    """The symptoms of those bases whose own failure shows them, in the order of the bases."""
    reasons: dict[str, list[str]] = {}
    for finding in findings:
        reasons.setdefault(finding.clause, []).append(finding.reason)
    patterns = {name: re.compile(base.symptom) for name, base in bases.items() if base.symptom}
    return {name: symptom for name, symptom in patterns.items() if any(map(symptom.search, reasons.get(name, ())))}


def _rank(
    cause: Sequence[Finding], bases: Sequence[str], resting: Mapping[str, int]
) -> tuple[bool, int, bool, int, str]:
    """Smaller is more urgent; what is known and owned comes last."""
    chief = _chief(cause, bases)
    base = bases.index(chief.clause) if chief.clause in bases else len(bases)
    secure = any(_SECURE in finding.profiles for finding in cause)
    affected = len(cause) + resting.get(chief.clause, 0)
    return chief.deviation is not None, base, not secure, -affected, chief.clause


def _chief(cause: Sequence[Finding], bases: Sequence[str]) -> Finding:
    """The one to show: the most fundamental, or the first."""
    return min(cause, key=lambda each: (bases.index(each.clause) if each.clause in bases else len(bases), each.clause))


def _broken(cause: Sequence[Finding], bases: Sequence[str], resting: Mapping[str, int]) -> First:
    chief = _chief(cause, bases)
    others = {finding.clause for finding in cause} - {chief.clause}
    notes = [_services([finding for finding in cause if finding.clause == chief.clause])]
    notes += [f"and {_counted(len(others), 'clause')} more for the same cause"] if others else []
    notes += (
        [f"{_counted(resting[chief.clause], 'check')} could not be judged for it"] if chief.clause in resting else []
    )
    notes += ["others rest on it"] if chief.clause in bases and len(notes) == 1 else []
    return First(chief.clause, ", ".join(notes), chief.reason or chief.text, chief.explain)


def _unjudged(cause: Sequence[Finding]) -> First:
    where = f"{_services(cause)}, {_counted(len(cause), 'MUST check')} not judged"
    return First(cause[0].clause, where, cause[0].reason, cause[0].explain)


def _services(findings: Sequence[Finding]) -> str:
    services = {finding.service for finding in findings}
    return f"on {findings[0].service}" if len(services) == 1 else f"on {len(services)} services"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def came_to(gaps: Sequence[Finding]) -> list[Finding]:
    """Those that the run came to: what was not selected is nothing to be done."""
    return [gap for gap in gaps if gap.reason != NOT_RUN]
