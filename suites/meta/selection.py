"""Which clauses judge a server: for a mutant its own and a sample of the others, which must not notice it.

The sample is fixed: a mutant run costs the same however many mutants there are, and a new mutant changes no other's.
A clause about every service is judged on one.
"""

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from importlib import import_module
from typing import Any

from bodhisattva.fixtures.catalogue import FLEET, Catalogue, Entry
from bodhisattva.suites.meta.registry import Mutant

SERVICE = "session-buddy"  # judged wherever a clause is about every service
# They cover what a service does, take a moment, and need no service of their own.
SAMPLE = (
    *("AUTH-002", "AUTH-006", "AUTH-020", "AUTH-031", "AUTH-033", "AUTH-041", "AUTH-051", "AUTH-052"),
    *("PROTOCOL-004", "PROTOCOL-010", "PROTOCOL-013", "PROTOCOL-024", "PROTOCOL-028", "PROTOCOL-034"),
    *("PROTOCOL-040", "PROTOCOL-041", "PROTOCOL-043", "PROTOCOL-045", "PROTOCOL-050"),
    *("SECURITY-001", "SECURITY-010", "TLS-004", "TLS-009"),
)
_OWN_INSTANCE = {"fresh", "spawn", "fleet"}


@dataclass(frozen=True)
class Selection:
    """The clauses of a mutant run. besides: services that they need besides those that they are about."""

    entries: tuple[Entry, ...]
    besides: tuple[str, ...] = ()

    @property
    def subjects(self) -> dict[str, str]:
        """The service that judges each clause, or the fleet, by the clause's id."""
        return {entry.clause.id: _subject(entry) for entry in self.entries}

    @property
    def log(self) -> str:
        """Where the services of the run keep their logs."""
        return "redis" if any(entry.clause.feature == "replicas" for entry in self.entries) else "embedded"

    @property
    def arguments(self) -> list[str]:
        """For pytest: the tests, the services they need, and none of the cases of other services."""
        services = sorted({*self.besides, *(service for entry in self.entries for service in _services(entry))})
        others = [f"[{service}" for service in services if service != SERVICE]
        wanted = [
            f"{_function(entry)}[{_subject(entry)}" for entry in self.entries if _subject(entry) not in (SERVICE, FLEET)
        ]
        cases = " or ".join([*wanted, *([f"not ({' or '.join(others)})"] if others else [])])
        chosen = ("--log", self.log, "--services", ",".join(services), "-k", cases)
        return [*(str(entry.test) for entry in self.entries), *chosen]


def category(name: str, catalogue: Catalogue, mutants: Sequence[Mutant]) -> Selection:
    """The clauses of a category's mutants, for the real server."""
    own = [mutant for mutant in mutants if catalogue.entries[mutant.clause].clause.category == name]
    besides = tuple(service for mutant in own for service in mutant.besides)
    return _selection((mutant.clause for mutant in own), catalogue, besides)


def selection(mutant: Mutant, catalogue: Catalogue) -> Selection:
    """The clauses for one mutant."""
    return _selection((mutant.clause, *mutant.also, *SAMPLE), catalogue, mutant.besides)


def _selection(clauses: Iterable[str], catalogue: Catalogue, besides: tuple[str, ...]) -> Selection:
    return Selection(tuple(catalogue.entries[clause] for clause in sorted(set(clauses))), besides)


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
