"""The table of mutants: who was wrong in what, which clause judged it, and what the run showed."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_HEAD = ("mutant", "wrong", "clause", "verdict", "unrelated failures", "clauses", "seconds")


@dataclass(frozen=True)
class Row:
    """One run. clause: None for the real server. clauses: how many judged it. verdict: a word of `verdict`."""

    mutant: str
    wrong: str
    clause: str | None
    verdict: str
    unrelated: list[str]
    clauses: int
    seconds: float

    @property
    def cells(self) -> tuple[str, ...]:
        return (
            self.mutant,
            self.wrong,
            self.clause or "",
            self.verdict,
            ", ".join(self.unrelated) or "none",
            str(self.clauses),
            f"{self.seconds:.1f}",
        )


def lines(rows: Sequence[Row]) -> list[str]:
    """The table in Markdown, its columns aligned so that it can be read as it is."""
    cells = [_HEAD, *(row.cells for row in sorted(rows, key=lambda row: (row.clause or "", row.mutant)))]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    ruled = [cells[0], tuple("-" * width for width in widths), *cells[1:]]
    return [f"| {' | '.join(text.ljust(width) for text, width in zip(line, widths, strict=True))} |" for line in ruled]


def write(rows: Sequence[Row], out: Path) -> None:
    """mutants.json and mutants.md."""
    out.mkdir(parents=True, exist_ok=True)
    document = [asdict(row) for row in sorted(rows, key=lambda row: row.mutant)]
    (out / "mutants.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (out / "mutants.md").write_text("\n".join(lines(rows)) + "\n", encoding="utf-8")
