"""`bodhisattva explain`: one clause for whoever has to mend a server that breaks it."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path

import click

from bodhisattva.fixtures.catalogue import APART, Catalogue, Entry
from bodhisattva.reports.errors import ReportError
from bodhisattva.reports.gate import read
from bodhisattva.reports.report import Finding
from bodhisattva.suites.catalogue.loader import load, sections
from bodhisattva.suites.command import refuse
from bodhisattva.suites.meta.registry import Mutant, mutants

_NEAR = 5


@click.command()
@click.argument("clause")
@click.option("--out", type=click.Path(path_type=Path), help="Show what the run in this folder found, too.")
def explain(clause: str, out: Path | None) -> None:
    """Explain one clause, such as AUTH-023.

    It prints the sentence, where it stands in the protocol, the profiles that it counts for, why it matters, what is
    usually wrong in a server that breaks it, and how to judge only this clause. With --out, what a run found comes too:
    the reason, and what went over the wire.

    Exit code: 0, or 2 if there is no such clause or no report in the folder.
    """
    catalogue = load()
    entry = catalogue.entries.get(clause.upper())
    if entry is None:
        refuse(_unknown(clause, catalogue))
    for line in (*lines(entry, mutants()), *(_found(entry, out) if out else ())):
        click.echo(line)


def _unknown(clause: str, catalogue: Catalogue) -> str:
    near = get_close_matches(clause.upper(), catalogue.entries, _NEAR)
    hint = f", but {', '.join(near)}" if near else ""
    return f"there is no clause {clause}{hint}; `bodhisattva clauses` lists all"


def lines(entry: Entry, made: Iterable[Mutant]) -> Iterator[str]:
    """What explains the clause, for a terminal. made: the mutants that there are."""
    clause = entry.clause
    yield click.style(f"{clause.id} {clause.level}", bold=True)
    yield f"  {clause.text}"
    yield ""
    yield f"section:   {clause.section}, {sections()[clause.section]} (docs/protocol.md)"
    yield f"profiles:  {', '.join(entry.profiles)}"
    if clause.feature != "core":
        yield f"feature:   {clause.feature}; a service that does not claim it is excused"
    yield f"judged:    {_whom(entry)}"
    yield ""
    yield f"Why it matters: {entry.explanation.why}"
    yield "Usual causes of a failure:"
    yield from (f"  - {cause}" for cause in entry.explanation.causes)
    for mutant in made:
        if mutant.clause == clause.id:
            yield f"It is known to reject a server that {mutant.wrong}."
    yield ""
    yield from _only_this(entry)


def _whom(entry: Entry) -> str:
    if not entry.per_service:
        return f"once, on {', '.join(entry.clause.services) or 'the fleet'} together"
    return f"on {', '.join(entry.clause.services)}" if entry.clause.services else "on every service"


def _only_this(entry: Entry) -> Iterator[str]:
    if entry.test is None:
        yield "There is no test of it yet; a report shows it as missing."
        return
    yield "To judge only this clause:"
    yield f"  ./ci/nox -s {'interop' if entry.clause.category == APART else 'conformance'} -- {entry.test}"
    if entry.clause.category != APART:
        yield f"  bodhisattva check target.yaml -k {entry.test.rpartition('::')[2]}"


def _found(entry: Entry, out: Path) -> Iterator[str]:
    """What a run found of the clause, where it did not pass."""
    try:
        report = read(out)
    except ReportError as error:
        refuse(str(error))
    findings = [f for f in (*report.failures, *report.gaps, *report.warnings) if f.clause == entry.clause.id]
    yield ""
    yield f"In {out}:" if findings else f"In {out} it is not among what did not pass."
    for finding in findings:
        yield from _of_finding(finding)


def _of_finding(finding: Finding) -> Iterator[str]:
    yield f"  {finding.outcome} on {finding.service}: {finding.reason}"
    for wire in finding.seen:
        yield from (f"    {line}" for line in wire.splitlines())
    if finding.raw:
        yield from (f"    {line}" for line in finding.raw.splitlines())
    yield f"  again: {finding.reproduce}"
