"""Hand-written chaos experiments: a history with one fault, and the verdict on it."""

import json
from pathlib import Path
from typing import Any


def line(time: float, process: str, kind: str, f: str, **value: Any) -> dict[str, Any]:
    """One operation of a history."""
    return {"time": time, "process": process, "type": kind, "f": f, "value": value}


HISTORY = [
    line(0.0, "client", "invoke", "command", id="1"),
    line(0.1, "client", "ok", "command", id="1"),
    line(0.2, "subscriber", "ok", "deliver", id="1"),
    line(1.0, "nemesis", "info", "down", phase="inject", step=0, target="akosha/edge"),
    line(1.1, "client", "invoke", "command", id="2"),
    line(1.2, "client", "invoke", "command", id="3"),
    line(1.4, "nemesis", "info", "down", phase="evidence", step=0, target="akosha/edge", bit=True),
    line(1.5, "client", "ok", "command", id="3"),
    line(1.6, "client", "info", "command", id="2"),
    line(2.0, "nemesis", "info", "down", phase="heal", step=0, target="akosha/edge"),
]


def verdict(**changes: Any) -> dict[str, Any]:
    """`verdict.json` of an experiment that showed what it was for."""
    whole = {
        "schema": 1,
        "experiment": "resets",
        "seed": 7,
        "stack": "process",
        "verdict": "valid",
        "checkers": [{"name": "delivery", "verdict": "valid", "details": {"delivered": 1}}],
        "faults": [
            {"name": "down", "target": "akosha/edge", "bit": True, "healed": True, "evidence": {"refused": True}}
        ],
        "problems": [],
        "started": "2026-03-01T10:00:00+00:00",
        "duration": 2.0,
        "command": "bodhisattva-chaos resets --seed 7",
    }
    return whole | changes


def write(folder: Path, history: list[dict[str, Any]] | None = None, **changes: Any) -> Path:
    """Lay an experiment into a folder, as the runner does."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "verdict.json").write_text(json.dumps(verdict(**changes)))
    lines = HISTORY if history is None else history
    (folder / "history.jsonl").write_text("".join(json.dumps(operation) + "\n" for operation in lines))
    return folder
