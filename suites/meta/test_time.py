"""Clauses that wait as long as a service claims, which may be longer than a test is given."""

import ast
from collections.abc import Iterator

from bodhisattva.suites.meta.mutant_run import CHECKOUT

WAITED_FOR = {
    "auth_timeout",
    "deduplication_window",
    "drain_timeout",
    "handshake_timeout",
    "ping_interval",
    "ping_timeout",
    "queue_age",
    "rate_patience",
}


def test_who_waits_as_long_as_a_service_claims_is_given_the_time() -> None:
    waiting = dict(_waiting())
    assert len(waiting) >= 9, "the claimed limits are read in a way that is not found here"
    assert [name for name, allowed in waiting.items() if not allowed] == []


def _waiting() -> Iterator[tuple[str, bool]]:
    """The clauses that read a claimed limit of time, and whether they add it to their own."""
    for file in CHECKOUT.glob("suites/*/test_*.py"):
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, ast.AsyncFunctionDef) and _reads(function):
                names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
                yield f"{file.name}::{function.name}", "allow_time" in names


def _reads(function: ast.AsyncFunctionDef) -> bool:
    keys = [node.slice for node in ast.walk(function) if isinstance(node, ast.Subscript)]
    return any(isinstance(key, ast.Constant) and key.value in WAITED_FOR for key in keys)
