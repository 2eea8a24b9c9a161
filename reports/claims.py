"""What judged cells add up to: a verdict, for a whole run or for the claim of one profile."""

from collections.abc import Mapping, Sequence

from bodhisattva.reports.report import Cell, Claim, Lack, Verdict
from bodhisattva.reports.run import Plan, Profile

SELECTED = "only a selected part of the suite was run"


def claim(name: str, plan: Plan, judged: Sequence[Cell], problems: Sequence[str]) -> Claim:
    """Whether the cells of a profile prove that it holds. problems: what makes the run doubtful."""
    profile = plan.profiles.get(name, Profile())
    own = [cell for cell in judged if cell.clause.counts_for(name) and cell.clause.mandatory]
    failures = [cell for cell in own if is_failure(cell)]
    gaps = [cell for cell in own if is_gap(cell, cell.clause.feature in profile.requires)]
    counts = {outcome: sum(cell.outcome == outcome for cell in own) for outcome in ("passed", "unknown", "missing")}
    excused = sum(cell.outcome == "unsupported" and cell not in gaps for cell in own)
    doubts = [each for each in problems if each != SELECTED]  # what was not selected is a gap, where it counts for this
    verdict, reason = conclude(own, failures, gaps, doubts)
    return Claim(
        verdict=verdict,
        reason=reason,
        means=profile.means,
        failed=len(failures),
        unsupported=excused,
        of=len(own) - excused,
        lacking=[Lack(cell.clause.id, cell.service, cell.outcome, cell.reason) for cell in (*failures, *gaps)],
        **counts,
    )


def in_words(claims: Mapping[str, Claim]) -> str:
    """What was claimed and what of it holds: what does not comes first."""
    kept = [name for name, each in claims.items() if each.verdict == "passed"]
    wanting = [f"not {_proved(each)} {name}: {each.reason}" for name, each in claims.items() if name not in kept]
    checks = sum(claims[name].of for name in kept)
    held = [f"conformant to {', '.join(kept)}" + ("" if wanting else f": all {checks} MUST checks that apply passed")]
    return "; ".join([*wanting, *(held if kept else [])])


def _proved(each: Claim) -> str:
    return "conformant to" if each.verdict == "failed" else "shown to conform to"


def is_failure(cell: Cell) -> bool:
    return cell.clause.mandatory and cell.outcome == "failed"


def is_gap(cell: Cell, required: bool) -> bool:
    """Only a declared feature that may be absent excuses a MUST: without one, unsupported is not an answer."""
    if not cell.clause.mandatory:
        return False
    excused = cell.clause.optional and not required
    return cell.outcome in ("unknown", "missing") or (cell.outcome == "unsupported" and not excused)


def conclude(
    judged: Sequence[Cell], failures: Sequence[object], gaps: Sequence[object], problems: Sequence[str]
) -> tuple[Verdict, str]:
    """The verdict and its cause, in one sentence."""
    ran = [cell for cell in judged if cell.clause.mandatory and cell.outcome in ("passed", "failed")]
    doubts = [f"{len(gaps)} {_checks(gaps)} not judged"] if gaps else []
    doubts += [problems[0] if len(problems) == 1 else f"{len(problems)} problems with the run"] if problems else []
    if not ran:
        return "empty", "no MUST clause was judged on any service"
    if failures:
        known = sum(cell.deviation is not None for cell in judged if is_failure(cell))
        owned = f" ({known} known and owned)" if known else ""
        return "failed", "; ".join([f"{len(failures)} {_checks(failures)} failed{owned}", *doubts])
    if doubts:
        return "partial", "; ".join(doubts)
    return "passed", f"all {len(ran)} MUST checks that apply passed"


def _checks(found: Sequence[object]) -> str:
    return "MUST check" if len(found) == 1 else "MUST checks"
