"""Servers that are wrong in how crackerjack reads reports and judges quality."""

from typing import Any
from xml.etree.ElementTree import Element

from bodhisattva.servers.core.domain import Event
from bodhisattva.servers.core.errors import InvalidData
from bodhisattva.servers.crackerjack import cobertura, junit, quality, runs, safe_xml
from bodhisattva.servers.crackerjack.domain import GateName, Result, State
from bodhisattva.servers.crackerjack.numbers import Seconds, count
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant("PROTOCOL-224", wrong="takes each comma of a time for one between thousands", failure="is read as 5.0 seconds")
def groups_thousands_by_any_comma(inject: Inject) -> None:
    plain = Seconds._plain

    def plain_without_commas(seconds: Seconds, text: str) -> str:
        return plain(seconds, text.replace(",", ""))

    inject(Seconds, "_plain", plain_without_commas)


@mutant("PROTOCOL-224", wrong="passes over a time that is none", failure="is read as a time")
def reads_no_time_as_none(inject: Inject) -> None:
    read = Seconds.read

    def read_or_pass_over(seconds: Seconds, text: str | None) -> float | None:
        try:
            return read(seconds, text)
        except InvalidData:
            return None

    inject(Seconds, "read", read_or_pass_over)


@mutant(
    "PROTOCOL-223",
    wrong="accepts the rate of a report that measured no line",
    failure="coverage of nothing is recorded",
)
def accepts_rates_of_no_lines(inject: Inject) -> None:
    def has_lines(root: Element) -> bool:
        return True

    inject(cobertura, "_has_lines", has_lines)


@mutant(
    "PROTOCOL-225",
    wrong="lets the tests of one suite stand for the failures that another only counts",
    failure="has passed",
)
def lets_flaky_tests_stand_for_failures(inject: Inject) -> None:
    failures = junit._failures

    def failures_of_the_whole(root: Element) -> tuple[int, int]:
        detailed, missing = failures(root)
        return detailed, max(missing - detailed, 0)

    inject(junit, "_failures", failures_of_the_whole)


@mutant(
    "PROTOCOL-225", wrong="counts no failures where their number is written with a comma", failure='1,000" has passed'
)
def counts_thousand_failures_as_none(inject: Inject) -> None:
    def count_of_digits(text: str | None) -> int | None:
        return count(text) if (text or "").isdigit() else 0

    inject(junit, "count", count_of_digits)


@mutant(
    "PROTOCOL-111",
    wrong="publishes coverage on the channel of the project, and not on the channel coverage",
    failure="coverage.updated",
)
def publishes_coverage_to_projects_only(inject: Inject) -> None:
    def publish_to_the_project(name: str, project: str, data: dict[str, Any]) -> Event:
        return Event(name, (f"quality:{project}",), data)

    inject(quality, "_event", publish_to_the_project)


@mutant("PROTOCOL-082", wrong="passes a gate that was not measured", failure="was not refused")
def passes_unmeasured_gates(inject: Inject) -> None:
    measured = quality._measured

    def assume_the_best(state: State, project: str, gate: GateName) -> float:
        score = measured(state, project, gate)
        return 100.0 if score is None else score

    inject(quality, "_measured", assume_the_best)


@mutant(
    "PROTOCOL-110", wrong="reports failed tests without their traceback", failure="not delivered as it was recorded"
)
def omits_tracebacks(inject: Inject) -> None:
    ended = runs.ended

    def end_without_traceback(run_id: str, result: Result) -> Event:
        event = ended(run_id, result)
        return Event(event.name, event.channels, {**event.data, "traceback": None})

    inject(runs, "ended", end_without_traceback)


@mutant(
    "SECURITY-210",
    wrong="gives each element of a report the attributes that its DTD declares",
    failure="was not refused",
)
def takes_attributes_from_a_reports_dtd(inject: Inject) -> None:
    inject(safe_xml, "_refuse_attributes", lambda *declaration: None)
