"""The table of mutants: who was wrong in what, which clause noticed, and whether one noticed that should not."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_HEAD = ("mutant", "wrong", "clause", "rejected", "unrelated failures", "tried", "seconds")


@dataclass(frozen=True)
class Row:
    """One trial. clause: None for the real server, of which none may complain. tried: how many clauses."""

    mutant: str
    wrong: str
    clause: str | None
    rejected: bool
    unrelated: list[str]
    tried: int
    seconds: float

    @property
    def cells(self) -> tuple[str, ...]:
        return (
            self.mutant,
            self.wrong,
            self.clause or "",
            "yes" if self.rejected else "no",
            ", ".join(self.unrelated) or "none",
            str(self.tried),
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
