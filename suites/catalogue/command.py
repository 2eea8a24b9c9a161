"""`bodhisattva clauses`: where a sentence of the protocol is judged, and which wrong server proves that it is."""

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby

import click

from bodhisattva.fixtures.catalogue import APART, Entry
from bodhisattva.suites.catalogue.loader import load
from bodhisattva.suites.meta.registry import Mutant, mutants

_NONE = 1


@click.command()
@click.argument("terms", nargs=-1)
@click.option("--section", help="Only what belongs to this section of the protocol, such as 5 or 1.2.")
@click.option("--unproved", is_flag=True, help="Only what a service MUST do and no mutant fails to do.")
def clauses(terms: tuple[str, ...], section: str | None, unproved: bool) -> None:
    """Find the clauses that judge a sentence of the protocol.

    They come in the order of the protocol's sections, each with its test and its mutants. A mutant is a server that is
    wrong in this one thing, which the clause is known to reject. With TERMS, only clauses with all of them in their id
    or text.

    Exit code: 0, or 1 if there is no such clause.
    """
    made = mutants()
    entries = [entry for entry in load().entries.values() if _concerns(entry, terms, section)]
    if unproved:
        entries = list(without_mutant(entries, made))
    if not entries:
        click.echo(f"no clause {'without a mutant ' if unproved else ''}is about that", err=True)
        sys.exit(_NONE)
    for name, group in groupby(sorted(entries, key=_place), lambda entry: entry.clause.section):
        click.secho(f"\nsection {name}", bold=True)
        for entry in group:
            click.echo("\n".join(_lines(entry, made)))


def without_mutant(entries: Iterable[Entry], made: Iterable[Mutant]) -> Iterator[Entry]:
    """Those that a service MUST fulfil and that no mutant names; the suite apart is judged by software of others."""
    proved = {mutant.clause for mutant in made}
    for entry in entries:
        if entry.clause.level == "MUST" and entry.clause.category != APART and entry.clause.id not in proved:
            yield entry


def _concerns(entry: Entry, terms: tuple[str, ...], section: str | None) -> bool:
    clause = entry.clause
    text = f"{clause.id} {clause.text}".lower()
    return section in (None, clause.section) and all(term.lower() in text for term in terms)


def _place(entry: Entry) -> tuple[list[int], str]:
    return [int(part) for part in entry.clause.section.split(".")], entry.clause.id


def _lines(entry: Entry, made: Iterable[Mutant]) -> Iterator[str]:
    clause = entry.clause
    about = f" ({', '.join(clause.services)})" if clause.services else ""
    yield f"  {clause.id} {clause.level}{about}: {clause.text}"
    yield f"      {entry.test or 'no test yet'}"
    for mutant in made:
        if mutant.clause == clause.id:
            yield f"      rejects a server that {mutant.wrong}"
