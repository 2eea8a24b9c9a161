"""`bodhisattva clauses`, and the protocol's sections as the clauses name them."""

import re

from click.testing import CliRunner

from bodhisattva.fixtures.catalogue import APART
from bodhisattva.suites.catalogue.command import clauses, without_mutant
from bodhisattva.suites.catalogue.loader import load
from bodhisattva.suites.meta.mutant_run import CHECKOUT
from bodhisattva.suites.meta.registry import mutants

PROTOCOL = CHECKOUT / "docs" / "protocol.md"


def found(*arguments: str) -> str:
    result = CliRunner().invoke(clauses, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_clause_is_found_by_its_words_with_test_and_mutant() -> None:
    printed = found("first answer", "--section", "1.2")
    assert "PROTOCOL-050 MUST: A command that is sent again under its id" in printed
    assert "suites/protocol/test_deduplication.py::test_repeated_command_is_done_once" in printed
    assert "rejects a server that forgets which commands it has answered" in printed
    assert "section 5" not in printed


def test_sections_come_in_order() -> None:
    sections = re.findall(r"^section (.*)$", found(), re.MULTILINE)
    assert sections == sorted(set(sections), key=lambda name: [int(part) for part in name.split(".")])


def test_only_a_must_needs_a_mutant() -> None:
    due = [entry.clause for entry in without_mutant(load().entries.values(), ())]
    assert {clause.level for clause in due} == {"MUST"}
    assert APART not in {clause.category for clause in due}


def test_every_must_has_a_mutant() -> None:
    unproved = [entry.clause.id for entry in without_mutant(load().entries.values(), mutants())]
    assert not unproved, "docs/writing-a-clause.md explains how a mutant shows that a clause can fail"


def test_a_search_without_results_prints_one_line() -> None:
    result = CliRunner().invoke(clauses, ["no such thing at all"])
    assert (result.exit_code, result.output) == (1, "no clause is about that\n")
    result = CliRunner().invoke(clauses, ["--unproved", "no such thing at all"])
    assert (result.exit_code, result.output) == (1, "no clause without a mutant is about that\n")


def test_sections_of_the_protocol_are_those_of_the_clauses() -> None:
    text = PROTOCOL.read_text(encoding="utf-8")
    sections = set(re.findall(r"^## (\d+)\. ", text, re.MULTILINE)) | set(
        re.findall(r"^\*\*(\d+\.\d+) ", text, re.MULTILINE)
    )
    second = text.partition("## 2. ")[2].partition("## 3. ")[0]
    sections |= {f"2.{number}" for number in re.findall(r"^(\d)\. ", second, re.MULTILINE)}
    assert {entry.clause.section for entry in load().entries.values()} == sections
