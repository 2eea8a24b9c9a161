"""Makes one run of several that each judged a part of the suite; `bodhisattva merge`.

Parts are the jobs of a build, or a deployment as it runs and the artefact that it runs. Of a deployment's clauses the
artefact counts where the deployment left them unknown, and where the artefact failed.
"""

import shlex
from itertools import combinations
from pathlib import Path

import msgspec

from bodhisattva.reports import run
from bodhisattva.reports.build import REPORTS, remove
from bodhisattva.reports.errors import ReportError
from bodhisattva.reports.run import Plan, Result

# Within a clause these choose too; whole files and folders leave out whole clauses, which a report shows as missing.
_NARROWING = ("-k", "-m", "--deselect", "--lf", "--last-failed", "--maxfail", "-x")
_ALIKE = ("services", "claimed", "catalogue")


def merge(parts: list[Path], into: Path) -> None:
    """Write `run.json` and `results.jsonl` of all `parts` together to the folder `into`.

    Raises ReportError if a part cannot be read, two did not judge the same fleet, or two judged the same clause; no
    older report is left there then.

    """
    if into.resolve() in [part.resolve() for part in parts]:
        raise ReportError(f"{into} is one of the parts; give another folder to merge into")
    if into.is_dir():
        remove(into, *REPORTS)
    plans = {part: run.read(part).plan for part in parts}
    parts = sorted(parts, key=lambda part: not _is_deployment(plans[part]))
    for one, other in combinations(parts, 2):
        _compare(one, plans[one], other, plans[other])
    deployments = [part for part in parts if _is_deployment(plans[part])]
    others = [part for part in parts if part not in deployments]
    _check_judged_once(deployments)
    _check_judged_once(others)
    into.mkdir(parents=True, exist_ok=True)
    (into / run.RESULTS_FILE).write_bytes(b"".join(_results(deployments, others)))
    (into / run.RUN_FILE).write_bytes(
        msgspec.json.format(msgspec.json.encode(_joined([plans[part] for part in parts])))
    )


def _joined(plans: list[Plan]) -> Plan:
    """One plan: not a selection if the parts chose whole files or folders only, ended if every part did."""
    ends = [plan.finished for plan in plans]
    exits = [plan.exit for plan in plans]
    return msgspec.structs.replace(
        plans[0],
        implementation=_implementation(plans),
        version=next((plan.version for plan in plans if _names_an_implementation(plan)), plans[0].version),
        identity=" ".join(plan.identity for plan in plans),
        time_unit="; ".join(dict.fromkeys(plan.time_unit for plan in plans)),
        doubts=[doubt for plan in plans for doubt in plan.doubts],
        started=min(plan.started for plan in plans),
        finished=None if None in ends else max(end for end in ends if end),
        exit=None if None in exits else max(code for code in exits if code is not None),
        selected=any(_narrowed(plan) for plan in plans),
        command=" && ".join(plan.command for plan in plans),
    )


def _is_deployment(plan: Plan) -> bool:
    return plan.stack.kind == "external"


def _narrowed(plan: Plan) -> bool:
    words = plan.command.partition("pytest")[2]
    return any("::" in word or word.split("=")[0] in _NARROWING for word in shlex.split(words))


def _compare(one: Path, expected: Plan, other: Path, found: Plan) -> None:
    """Parts of one whole have one catalogue and one implementation; those of a build have one stack and log, too."""
    names = [name for name in _ALIKE if getattr(expected, name) != getattr(found, name)]
    if _is_deployment(expected) == _is_deployment(found):
        names += ["stack"] if expected.stack.kind != found.stack.kind else []
        names += ["log"] if expected.stack.log != found.stack.log else []
    if _names_an_implementation(expected) and _names_an_implementation(found):
        names += ["implementation"] if _contradict(expected.implementation, found.implementation) else []
        names += ["version"] if expected.version != found.version else []
    if names:
        raise ReportError(f"{one} and {other} are not parts of one run: {', '.join(names)} differ; run both again")


def _check_judged_once(parts: list[Path]) -> None:
    """A part that is there twice, or again from another build, would hide which of the two counts."""
    judges: dict[tuple[str, str], Path] = {}
    for part in parts:
        judged = {(one.clause, one.service) for one in run.read(part).results if one.reason != run.NOT_RUN}
        for clause, service in sorted(judged & judges.keys()):
            other = judges[clause, service]
            raise ReportError(f"{other} and {part} both judged {clause} on {service}; give each part once")
        judges |= dict.fromkeys(judged, part)


def _names_an_implementation(plan: Plan) -> bool:
    """A part may have judged few services or none; it then names fewer implementations."""
    return bool(plan.implementation)


def _contradict(one: str | dict[str, str], other: str | dict[str, str]) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one != other
    return any(one[service] != other[service] for service in one.keys() & other.keys())


def _implementation(plans: list[Plan]) -> str | dict[str, str]:
    """The implementations of all parts."""
    implementation: dict[str, str] = {}
    for plan in plans:
        if isinstance(plan.implementation, str):
            return plan.implementation
        implementation |= plan.implementation
    return dict(sorted(implementation.items()))


Line = tuple[bytes, Result | None]  # as it stands there, and decoded; None if it is damaged


def _results(deployments: list[Path], others: list[Path]) -> list[bytes]:
    """The lines that count."""
    deployed, artefact = _without_unrun(deployments), _without_unrun(others)
    if deployments and others:
        there = {_judged(one) for _, one in artefact if one is not None}
        unknown = {_judged(one) for _, one in deployed if one is not None and one.outcome == "unknown"}
        known = {_judged(one) for _, one in deployed if one is not None} - unknown
        deployed = [line for line in deployed if not _is_replaced(line[1], there)]
        artefact = [line for line in artefact if not _is_repeated(line[1], known)]
    return [text for text, _ in (*deployed, *artefact)]


def _is_replaced(one: Result | None, there: set[tuple[str, str]]) -> bool:
    """Whether the artefact has a result on what the deployment left unknown."""
    return one is not None and one.outcome == "unknown" and _judged(one) in there


def _is_repeated(one: Result | None, known: set[tuple[str, str]]) -> bool:
    """Whether the deployment was judged, and the artefact is no worse."""
    return one is not None and one.outcome != "failed" and _judged(one) in known


def _judged(one: Result) -> tuple[str, str]:
    return one.clause, one.service


def _without_unrun(parts: list[Path]) -> list[Line]:
    """The lines of all parts; that one part did not run what another judged is no result."""
    lines = [(text + b"\n", _decoded(text)) for part in parts for text in _lines(part)]
    judged = {_judged(one) for _, one in lines if one is not None and one.reason != run.NOT_RUN}
    return [
        (text, one) for text, one in lines if one is None or one.reason != run.NOT_RUN or _judged(one) not in judged
    ]


def _lines(part: Path) -> list[bytes]:
    file = part / run.RESULTS_FILE
    return file.read_bytes().splitlines() if file.exists() else []


def _decoded(line: bytes) -> Result | None:
    """None for a line that the report will call a problem."""
    try:
        return msgspec.json.decode(line, type=Result)
    except msgspec.DecodeError:
        return None
