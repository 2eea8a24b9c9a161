"""Which clauses a server is tried against: for a mutant its own, and those of other mutants, which must not notice it.

To keep a trial short, a clause of another category is left out where its test needs an instance of its own or takes
long, and a clause about every service is judged on one.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, reduce
from importlib import import_module
from typing import Any

from bodhisattva.fixtures.catalogue import FLEET, Catalogue, Entry
from bodhisattva.suites.meta.registry import Mutant

SERVICE = "session-buddy"  # judged wherever a clause is about every service
_OWN_INSTANCE = {"fresh", "spawn", "fleet"}
_LONG = {"AUTH-044", "LIFECYCLE-018", "LIFECYCLE-019", "PERFORMANCE-001", "PERFORMANCE-002"}


@dataclass(frozen=True)
class Panel:
    """The clauses of a trial."""

    entries: tuple[Entry, ...]

    @property
    def subjects(self) -> dict[str, str]:
        """On whom each clause is judged."""
        return {entry.clause.id: _subject(entry) for entry in self.entries}

    @property
    def arguments(self) -> list[str]:
        """For pytest: the tests, the services they need, and none of the cases of other services."""
        services = sorted({service for entry in self.entries for service in _services(entry)})
        others = [f"[{service}" for service in services if service != SERVICE]
        wanted = [
            f"{_function(entry)}[{_subject(entry)}" for entry in self.entries if _subject(entry) not in (SERVICE, FLEET)
        ]
        cases = " or ".join([*wanted, *([f"not ({' or '.join(others)})"] if others else [])])
        return [*(str(entry.test) for entry in self.entries), "--services", ",".join(services), "-k", cases]


def whole(catalogue: Catalogue, mutants: Sequence[Mutant]) -> Panel:
    """The clauses of all mutants, for the real server."""
    return Panel(tuple(catalogue.entries[clause] for clause in sorted({mutant.clause for mutant in mutants})))


def panel(mutant: Mutant, catalogue: Catalogue, mutants: Sequence[Mutant]) -> Panel:
    """The clauses for one mutant."""
    own = catalogue.entries[mutant.clause]
    entries = whole(catalogue, mutants).entries
    return Panel(tuple(entry for entry in entries if _is_near(entry, own) or _is_quick(entry)))


def _is_near(entry: Entry, own: Entry) -> bool:
    return entry.clause.category == own.clause.category


def _is_quick(entry: Entry) -> bool:
    """Whether it is judged in a moment, on the service that runs in every trial."""
    if _subject(entry) != SERVICE or entry.clause.id in _LONG:
        return False
    return not needs_own_instance(str(entry.test))


def _subject(entry: Entry) -> str:
    return entry.subjects([SERVICE, *entry.clause.services])[0]


def _services(entry: Entry) -> Sequence[str]:
    return entry.clause.services if _subject(entry) == FLEET else [_subject(entry)]


def _function(entry: Entry) -> str:
    return str(entry.test).rpartition("::")[2]


@cache
def needs_own_instance(test: str) -> bool:
    """Whether a test, as the catalogue names it, starts services of its own."""
    file, *names = test.split("::")
    module: Any = import_module(f"bodhisattva.{file.removesuffix('.py').replace('/', '.')}")
    return not _OWN_INSTANCE.isdisjoint(inspect.signature(reduce(getattr, names, module)).parameters)
