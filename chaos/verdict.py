"""Valid, invalid, or unknown, as in Jepsen: the verdicts on a run, and how they combine.

A run without operations, or in which a fault had no effect, is unknown and never valid.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec


class Verdict(StrEnum):
    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


class CheckResult(msgspec.Struct, frozen=True):
    """What one checker concludes. details: counts and examples, as JSON."""

    name: str
    verdict: Verdict
    details: dict[str, Any]


class FaultReport(msgspec.Struct, frozen=True):
    """One injected fault. bit: measured to have had its effect. evidence: the measurements, as JSON."""

    name: str
    target: str
    bit: bool
    healed: bool
    evidence: dict[str, Any]

    @property
    def counts(self) -> bool:
        """Whether the run was put to the test by it."""
        return self.bit and self.healed


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """Invalid if any is; else unknown if any is or if there is none; else valid."""
    seen = set(verdicts)
    if Verdict.INVALID in seen:
        return Verdict.INVALID
    if Verdict.UNKNOWN in seen or not seen:
        return Verdict.UNKNOWN
    return Verdict.VALID
