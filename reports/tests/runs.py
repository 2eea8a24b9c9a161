"""Hand-written runs: three clauses on two services and one on the fleet, all passed unless given otherwise."""

import json
from pathlib import Path
from typing import Any

SERVICES = ["akosha", "dhruva"]


def clause(name: str, **changes: Any) -> dict[str, Any]:
    """One entry of the catalogue."""
    entry: dict[str, Any] = {
        "id": name,
        "level": "MUST",
        "section": "2",
        "feature": "core",
        "profile": "core",
        "category": "auth",
        "text": f"Sentence of {name}.",
        "baseline": None,
        "services": [],
        "per_service": True,
    }
    return entry | changes


CATALOGUE = [
    clause("AUTH-001", baseline="valid_token_authenticates"),
    clause("AUTH-002", level="SHOULD"),
    clause("TLS-001", category="tls", feature="tls", profile="secure"),
    clause("CROSS-001", category="cross_service", per_service=False),
]


def result(name: str, service: str, outcome: str = "passed", **changes: Any) -> dict[str, Any]:
    """One line of results."""
    nodeid = f"suites/auth/test_auth.py::test_{name}[{service}]"
    line = {"clause": name, "service": service, "outcome": outcome, "nodeid": nodeid, "duration": 0.5, "reason": ""}
    return line | changes


def all_passed() -> list[dict[str, Any]]:
    """The results of a run in which everything passed."""
    each = [result(entry["id"], service) for entry in CATALOGUE if entry["per_service"] for service in SERVICES]
    return [*each, result("CROSS-001", "fleet")]


def with_outcome(name: str, service: str, outcome: str, reason: str = "") -> list[dict[str, Any]]:
    """Everything passed but this one."""
    return [
        result(name, service, outcome, reason=reason) if (line["clause"], line["service"]) == (name, service) else line
        for line in all_passed()
    ]


def without(name: str, service: str) -> list[dict[str, Any]]:
    """Everything passed but this one, on which nothing was reported."""
    return [line for line in all_passed() if (line["clause"], line["service"]) != (name, service)]


def plan(**changes: Any) -> dict[str, Any]:
    """`run.json` of a whole run that ended well."""
    whole = {
        "started": "2026-03-01T10:00:00+00:00",
        "finished": "2026-03-01T10:01:05+00:00",
        "stack": {"kind": "process", "reason": "no engine answers", "details": {}},
        "implementation": {"akosha": "akosha", "dhruva": "dhruva"},
        "version": "1.2.3",
        "services": SERVICES,
        "selected": False,
        "command": "pytest suites --stack process",
        "catalogue": CATALOGUE,
        "workers": 2,
        "exit": 0,
    }
    return whole | changes


def write(folder: Path, results: list[dict[str, Any]], **changes: Any) -> Path:
    """Lay a run into a folder, as the suite does."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(plan(**changes)))
    (folder / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in results))
    return folder
