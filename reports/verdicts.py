"""The verdicts that chaos experiments left behind, each in a folder with the history that it judges."""

from pathlib import Path
from typing import Any, Literal

import msgspec

from bodhisattva.reports.errors import ReportError

VERDICT_FILE = "verdict.json"
HISTORY_FILE = "history.jsonl"

Verdict = Literal["valid", "invalid", "unknown"]
VERDICTS: tuple[Verdict, ...] = ("valid", "invalid", "unknown")


class Judgement(msgspec.Struct, frozen=True):
    """What one checker concluded."""

    name: str
    verdict: Verdict
    details: Any = None


class FaultReport(msgspec.Struct, frozen=True, kw_only=True):
    """One injected fault; bit: its effect was measured."""

    name: str
    bit: bool
    target: str = ""
    healed: bool = True
    evidence: Any = None

    @property
    def named(self) -> str:
        return f"{self.name} on {self.target}" if self.target else self.name


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """`verdict.json`. started: ISO 8601. duration: seconds. problems: what did not finish.

    expects_faults: false for a run whose workload alone is the test."""

    experiment: str
    seed: int
    stack: str
    verdict: Verdict
    checkers: list[Judgement]
    faults: list[FaultReport]
    started: str
    duration: float
    command: str
    log: str = "embedded"
    problems: list[str] = []
    expects_faults: bool = True

    @property
    def where(self) -> str:
        return f"{self.stack} stack, log {self.log}"

    @property
    def doubts(self) -> list[str]:
        """Reasons to doubt `valid`: nothing judged, a fault without effect, an unfinished part."""
        doubts = list(self.problems)
        if not self.checkers:
            doubts.append("no checker judged it")
        if self.expects_faults and not self.faults:
            doubts.append("no fault was injected")
        doubts += [f"{fault.named} did not bite" for fault in self.faults if not fault.bit]
        doubts += [f"{fault.named} was not healed" for fault in self.faults if not fault.healed]
        return doubts

    @property
    def believed(self) -> Verdict:
        """The verdict, unknown where it is valid in spite of a doubt."""
        return "unknown" if self.verdict == "valid" and self.doubts else self.verdict


def folders(root: Path) -> list[Path]:
    """The folders of the experiments under `root`, by name."""
    return sorted(file.parent for file in root.glob(f"*/{VERDICT_FILE}"))


def read(folder: Path) -> Experiment:
    """The verdict in `folder`. Raises ReportError."""
    file = folder / VERDICT_FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Experiment)
    except OSError as error:
        raise ReportError(f"no verdict at {file}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportError(f"{file} is not a verdict: {error}; run the experiment again") from error
