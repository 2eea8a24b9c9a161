"""What a mutant run shows: that the clause rejects the mutant, or what is wrong with the one or the other."""

from bodhisattva.suites.meta.mutant_run import MutantRun, Result
from bodhisattva.suites.meta.registry import Mutant

REJECTED = "rejected"
NOT_INJECTED = "not injected"
NOT_NOTICED = "not noticed"
OTHERWISE = "another failure"
UNRELATED = "unrelated failures"
NOT_ALSO = "wrong in also"


def verdict(mutant: Mutant, run: MutantRun) -> tuple[str, str]:
    """One of the words above, and the reason.

    A mutant that was not reached is a right server: no result of its clause means anything.
    """
    if not run.marks.any_injected():
        return NOT_INJECTED, f"no server was started as {mutant.name}"
    if missed := run.marks.not_reached():
        return NOT_INJECTED, f"no server called the broken code at {', '.join(missed)}"
    failed = [result for result in run.of(mutant.clause) if result.outcome == "failed"]
    if not failed:
        return NOT_NOTICED, f"the broken code was called: {', '.join(map(str, run.of(mutant.clause)))}"
    if not any(mutant.failure in result.reason for result in failed):
        return OTHERWISE, f"{mutant.failure!r} is not in {', '.join(map(str, failed))}"
    if others := unrelated(mutant, run):
        return UNRELATED, "\n".join(map(str, others))
    if passed := sorted(set(mutant.also) - {result.clause for result in run.not_passed}):
        return NOT_ALSO, f"clauses that passed or were not judged: {', '.join(passed)}"
    return REJECTED, ""


def unrelated(mutant: Mutant, run: MutantRun) -> list[Result]:
    """What did not pass, besides the clauses that the mutant names."""
    return [result for result in run.not_passed if result.clause not in {mutant.clause, *mutant.also}]
