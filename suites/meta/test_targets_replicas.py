"""Replicas that a target file names are judged as those of the suite's own are."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bodhisattva.fixtures.stack.kinds import REDIS
from bodhisattva.fixtures.stack.node import Node
from bodhisattva.fixtures.stack.process import ProcessStack
from bodhisattva.suites.meta.mutant_run import run_suite

pytestmark = pytest.mark.deploy

SERVICE = "akosha"
JUDGED = ("REPLICAS-001", "REPLICAS-002", "REPLICAS-003", "REPLICAS-004", "REPLICAS-007")
FILES = ("suites/replicas/test_one_log.py", "suites/replicas/test_replica_bus.py")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessStack]:
    """One replica on a Redis, as its owner would have it."""
    made = ProcessStack(tmp_path_factory.mktemp("fleet"), log=REDIS)
    try:
        made.start([SERVICE])
        yield made
    finally:
        made.close()


def judged(stack: ProcessStack, folder: Path, *replicas: Node) -> dict[str, tuple[str, str]]:
    """Outcome and reason by clause, of a run on a target with these further replicas."""
    node = stack[SERVICE]
    assert node.ca is not None
    (folder / "ca.pem").write_bytes(node.ca)
    (folder / "secret").write_text(stack.tokens.secret)
    target = {
        "credentials": {"secret_file": "secret"},
        "ca": "ca.pem",
        "services": {SERVICE: {"url": node.url, "replicas": [replica.url for replica in replicas]}},
        "allow": ["write"],
    }
    (folder / "target.yaml").write_text(yaml.safe_dump(target))
    run_suite(folder / "out", *FILES, "--target", str(folder / "target.yaml"), stack="external")
    lines = (folder / "out" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["service"] == SERVICE and row["clause"] in JUDGED]
    return {row["clause"]: (row["outcome"], row["reason"]) for row in rows}


def test_replicas_that_a_target_names_are_judged(stack: ProcessStack, tmp_path: Path) -> None:
    found = judged(stack, tmp_path, stack.replica(SERVICE))
    assert {clause: outcome for clause, (outcome, _) in found.items()} == dict.fromkeys(JUDGED, "passed"), found


def test_a_service_that_only_the_target_calls_a_replica_fails(stack: ProcessStack, tmp_path: Path) -> None:
    stranger = stack.fresh(SERVICE, {})
    stranger.start_now()
    found = judged(stack, tmp_path, stranger)
    assert {clause: outcome for clause, (outcome, _) in found.items()} == dict.fromkeys(JUDGED, "failed"), found


def test_without_replicas_in_the_target_their_clauses_are_unknown(stack: ProcessStack, tmp_path: Path) -> None:
    found = judged(stack, tmp_path)
    unknown = ("unknown", f"the target file names no replicas of {SERVICE}")
    assert found == dict.fromkeys(JUDGED, unknown)
