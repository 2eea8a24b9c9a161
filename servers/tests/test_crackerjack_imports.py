"""Reports of other tools: read as they meant them, refused where they are none or are an attack."""

from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.domain import Decision
from bodhisattva.servers.core.errors import Conflict, InvalidData, LimitExceeded, NotFound
from bodhisattva.servers.crackerjack import cobertura, imports, junit
from bodhisattva.servers.crackerjack.service import SERVICE
from bodhisattva.servers.tests.harness import Harness

# pytest.xml and coverage*.xml were written by pytest and coverage.py; the others have the form of the tool they name.
REPORTS = Path(__file__).parent / "reports"
SUITE = '<testsuite name="s">{}</testsuite>'


@pytest.fixture
def harness() -> Harness:
    return Harness(SERVICE)


def file(name: str) -> str:
    return (REPORTS / name).read_text(encoding="utf-8")


def take(harness: Harness, content: str, **more: Any) -> Decision:
    return harness.execute("import_junit", project="kiln", run_id="r", content=content, **more)


def gate(harness: Harness, name: str, threshold: float) -> dict[str, Any]:
    return harness.execute("check_quality_gate", project="kiln", gate_name=name, threshold=threshold).answer


def test_a_report_of_pytest_becomes_a_run(harness: Harness) -> None:
    decision = take(harness, file("pytest.xml"))
    names = ["test.started", "test.passed", "test.passed", "test.failed", "test.skipped", "test.failed", "test.passed"]
    assert [event.name for event in decision.events] == [*names, "test.completed"]
    assert {event.channels for event in decision.events} == {("test:r",)}
    first, *_, last = (event.data for event in decision.events)
    assert (first["test_suite"], first["total_tests"]) == ("pytest tests", 6)
    assert first["started_at"] == "2026-11-25T01:26:43.827256+00:00"
    assert (last["tests_completed"], last["tests_failed"], last["duration_seconds"]) == (6, 2, 0.389)
    assert decision.answer["tests_passed"] == 3
    status = harness.query("get_test_status", run_id="r")
    assert (status["status"], status["project"], status["tests_skipped"]) == ("completed", "kiln", 1)
    assert harness.replayed() == harness.state


def test_failures_are_recorded_with_error_and_traceback(harness: Harness) -> None:
    take(harness, file("pytest.xml"))
    failure, error = (event.data for event in harness.log if event.name == "test.failed")
    assert failure["test_name"] == "test_calc.test_zero_is_positive"
    assert failure["error"].startswith("AssertionError: zero <is> \"no\" sign & 'more'\n")
    assert failure["traceback"].endswith("test_calc.py:12: AssertionError")
    assert error["error"] == 'failed on setup with "RuntimeError: no database"'
    assert 'raise RuntimeError("no database")' in error["traceback"]


def test_a_report_of_surefire_becomes_a_run(harness: Harness) -> None:
    decision = take(harness, file("surefire.xml"), test_suite="nightly")
    outcomes = [event.data["outcome"] for event in decision.events[1:-1]]
    assert outcomes == ["passed", "failed", "failed", "skipped", "passed"]
    assert decision.events[0].data["test_suite"] == "nightly"
    assert decision.events[1].data["duration_seconds"] == 1200.25
    assert decision.events[-1].data["duration_seconds"] == 1204.51
    cools, opens = (event.data for event in harness.log if event.name == "test.failed")
    assert cools["error"] == "expected: <20> but was: <900>"
    assert opens["error"] == "java.lang.IllegalStateException: locked"


@pytest.mark.parametrize(
    "case",
    [
        '<testcase name="DISABLED_t" status="notrun" result="suppressed" time="0."/>',  # GoogleTest
        '<testcase name="t" status="run" result="skipped"/>',
        '<testcase name="t" status="disabled"><disabled/></testcase>',  # CTest
        '<testcase name="t"><disabled/></testcase>',
    ],
)
def test_a_test_that_was_not_run_has_not_passed(harness: Harness, case: str) -> None:
    content = SUITE.format(f'<testcase name="ran" status="run" result="completed"/>{case}')
    answer = take(harness, content).answer
    assert (answer["tests_passed"], answer["tests_skipped"]) == (1, 1)
    harness.execute("import_junit", project="idle", content=SUITE.format(case))
    harness.refused(NotFound, "check_quality_gate", project="idle", gate_name="test_pass_rate", threshold=100)


def test_an_imported_run_is_measured_by_its_gate(harness: Harness) -> None:
    harness.refused(NotFound, "check_quality_gate", project="kiln", gate_name="test_pass_rate", threshold=0)
    take(harness, file("pytest.xml"))
    assert (gate(harness, "test_pass_rate", 60)["status"], gate(harness, "test_pass_rate", 61)["status"]) == (
        "passed",
        "failed",
    )


def test_a_taken_run_id_is_a_conflict(harness: Harness) -> None:
    take(harness, file("pytest.xml"))
    harness.refused(Conflict, "import_junit", project="kiln", run_id="r", content=file("pytest.xml"))


def test_suites_may_be_nested_and_repeated_names_are_numbered() -> None:
    inner = '<testsuite name="{}"><testcase name="t" time="{}"/></testsuite>'
    report = junit.read(f"<testsuites>{inner.format('a', '1.5')}{inner.format('b', '-')}</testsuites>")
    assert report.suite == "a, b"
    assert [result.test_name for result in report.results] == ["t", "t #2"]
    assert (report.duration_seconds, report.started_at) == (1.5, None)


def test_a_suites_time_includes_that_of_the_suites_in_it() -> None:
    """PHPUnit's form: the tests of a data provider are a suite beside the tests of their class."""
    provided = '<testsuite name="k::p" time="0.5"><testcase name="p #0" time="0.25"/></testsuite>'
    ofclass = f'<testsuite name="k" time="1.5"><testcase name="t" time="1"/>{provided}</testsuite>'
    assert junit.read(f"<testsuites>{ofclass}</testsuites>").duration_seconds == 1.5
    untold = ofclass.replace(' time="1.5"', "")
    assert junit.read(f"<testsuites>{untold}{ofclass}</testsuites>").duration_seconds == 3.0


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        ('<testsuites errors="1"><testsuite name="kiln" errors="1"/></testsuites>', 1),
        ('<testsuite failures="2" errors="1"><testcase name="a"><failure/></testcase></testsuite>', 2),
        ('<testsuites><testsuite failures="1"><testcase name="a"/></testsuite><testsuite errors="2"/></testsuites>', 3),
    ],
)
def test_failures_that_are_counted_and_not_listed_have_not_passed(content: str, missing: int) -> None:
    last = junit.read(content).results[-1]
    assert (last.test_name, last.outcome) == ("failures that are not listed", "failed")
    assert last.error == f"The report counts failures that it does not list: {missing}."


@pytest.mark.parametrize(
    "content",
    [
        '<testsuite failures="1"><testcase name="a"><failure/></testcase></testsuite>',
        '<testsuite failures="1" errors="1"><testcase name="a"><failure/><error/></testcase></testsuite>',
        '<testsuite failures="1"><testcase name="a"><flakyFailure/></testcase></testsuite>',
        '<testsuite errors="1"><testsuite errors="1"><testcase name="a"><error/></testcase></testsuite></testsuite>',
        '<testsuite failures="" errors=" 0 "><testcase name="a"/></testsuite>',
    ],
)
def test_failures_that_are_listed_are_not_counted_twice(content: str) -> None:
    assert [result.test_name for result in junit.read(content).results] == ["a"]


def test_the_tests_of_one_suite_do_not_stand_for_the_failures_of_another() -> None:
    """A flaky test in one suite hid what another suite only counted."""
    flaky = '<testsuite name="a"><testcase name="a"><flakyFailure/></testcase></testsuite>'
    report = junit.read(
        f'<testsuites>{flaky}<testsuite name="b" failures="1"><testcase name="b"/></testsuite></testsuites>'
    )
    assert [result.outcome for result in report.results] == ["passed", "passed", "failed"]


@pytest.mark.parametrize("attribute", ['status="failed"', 'status="fail"', 'result="error"'])
def test_a_test_with_only_a_failed_status_has_not_passed(harness: Harness, attribute: str) -> None:
    content = f'<testsuite name="s" failures="1"><testcase name="t" {attribute}/></testsuite>'
    assert take(harness, content).answer["tests_failed"] == 1


# name: suite, passed, failed, skipped, seconds of the run, seconds of the first test, error of the first failure
JUNIT: dict[str, tuple[object, ...]] = {
    "pytest.xml": ("pytest tests", 3, 2, 1, 0.389, 0.004, "AssertionError: zero <is> \"no\" sign & 'more'"),
    "surefire.xml": ("org.example.KilnTest", 2, 2, 1, 1204.51, 1200.25, "expected: <20> but was: <900>"),
    "phpunit.xml": ("KilnTest, KilnTest::testFires", 2, 2, 1, 0.0355, 0.01, "KilnTest::testCools"),
    "jest.xml": ("jest tests", 1, 2, 1, 1.25, 0.005, "Error: expect(received).toBe(expected)"),
    "gtest.xml": ("AllTests", 1, 1, 2, 0.012, 0.0, "kiln_test.cc:9"),
    "catch2.xml": ("kiln_tests", 1, 2, 1, 0.0035, 0.001, "temperature == 20"),
    "go-junit-report.xml": ("example.org/kiln, example.org/kiln/door", 2, 2, 1, 0.16, 0.06, "Failed"),
}


@pytest.mark.parametrize("name", JUNIT)
def test_the_report_of_each_tool_is_read_right(harness: Harness, name: str) -> None:
    answer = take(harness, file(name)).answer
    ends = [event.data for event in harness.log if event.name in ("test.passed", "test.failed", "test.skipped")]
    found = (
        answer["test_suite"],
        *(answer[f"tests_{outcome}"] for outcome in ("passed", "failed", "skipped")),
        pytest.approx(harness.log[-1].data["duration_seconds"]),
        ends[0]["duration_seconds"],
        next(end["error"] for end in ends if end["outcome"] == "failed").partition("\n")[0],
    )
    assert found == JUNIT[name]
    assert answer["tests_completed"] == answer["total_tests"] == len(ends)


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        (["0,005"], 0.005),
        (["0,005", "1,204"], 0.005 + 1.204),
        (["0.005", "1,204"], 0.005 + 1204),
        (["1,204.51"], 1204.51),
        (["1,204,000"], 1_204_000),
        (["1,5", "1234,567"], 1.5 + 1234.567),
        ([".5", "5.", "0."], 5.5),
        (["1e-05", "2.5E1"], 25.00001),
        (["", " ", "-", "NaN", "1"], 1),
        ([" 2 "], 2),
    ],
)
def test_times_are_read_by_the_report_s_own_decimal_point(times: list[str], seconds: float) -> None:
    report = junit.read(SUITE.format("".join(f'<testcase name="t" time="{time}"/>' for time in times)))
    assert report.duration_seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("times", "complaint"),
    [
        (["1,204"], "can be 1204 or 1.204 seconds"),
        (["0,005", "0.005", "1,204"], "can be 1204 or 1.204 seconds"),
        *(
            ([time], "is none")
            for time in ("5s", "-1", "0.0.5", "1 204", "1_0", "0,00,5", "00:05", "1e999", "1e10", "\u06651")
        ),
    ],
)
@pytest.mark.parametrize("where", ["testcase", "testsuite"])
def test_invalid_times_are_refused(harness: Harness, times: list[str], complaint: str, where: str) -> None:
    """They counted as nothing, or as a thousand times too much."""
    cases = {
        "testcase": SUITE.format("".join(f'<testcase name="t" time="{time}"/>' for time in times)),
        "testsuite": "".join(f'<testsuite time="{time}"><testcase name="t"/></testsuite>' for time in times),
    }[where]
    content = f"<testsuites>{cases}</testsuites>"
    refusal = harness.refused(InvalidData, "import_junit", project="kiln", content=content)
    assert complaint in refusal.message
    assert refusal.data["field"] == "content"
    assert harness.log == []


def test_a_long_number_costs_no_more_than_its_length() -> None:
    """Each digit was tried as the last one before the point."""

    def cost(digits: int) -> float:
        begun = process_time()
        with pytest.raises(InvalidData):
            junit.read(SUITE.format(f'<testcase name="t" time="{"1" * digits}x"/>'))
        return process_time() - begun

    assert min(cost(200_000) for _ in range(3)) < 40 * max(min(cost(20_000) for _ in range(3)), 1e-3)


@pytest.mark.parametrize("counted", ["1,000", "1000", "1000.0"])
def test_a_count_of_a_thousand_failures_is_no_pass(harness: Harness, counted: str) -> None:
    answer = take(harness, f'<testsuite failures="{counted}"><testcase name="a"/></testsuite>').answer
    assert (answer["tests_passed"], answer["tests_failed"]) == (1, 1)
    assert "1000." in next(event.data["error"] for event in harness.log if event.name == "test.failed")


@pytest.mark.parametrize("counted", ["many", "-1", "1.5", "1.000", "0,001", "1,00", "1,0000", "0x1", "1e3", "9" * 5000])
@pytest.mark.parametrize("name", ["failures", "errors"])
def test_invalid_counts_are_refused(harness: Harness, name: str, counted: str) -> None:
    """They counted as none, so that what failed had passed."""
    content = f'<testsuite {name}="{counted}"><testcase name="a"/></testsuite>'
    refusal = harness.refused(InvalidData, "import_junit", project="kiln", content=content)
    assert "is none" in refusal.message
    assert len(refusal.message) < 200


def test_a_test_with_the_name_of_a_numbered_one_has_its_own_result(harness: Harness) -> None:
    answer = take(
        harness, SUITE.format("".join(f'<testcase name="{name}"/>' for name in ("t", "t", "t #2", "t")))
    ).answer
    assert answer["tests_passed"] == answer["total_tests"] == 4


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no xml",
        "<testsuite>",
        "<html/>",
        SUITE.format(""),
        SUITE.format("<testcase name='\x00'/>"),
        "<testsuite>" + "<a>" * 60 + "</a>" * 60 + "</testsuite>",
        "\ud7ff",
    ],
)
def test_a_document_that_is_no_test_report_is_refused(harness: Harness, content: str) -> None:
    refusal = harness.refused(InvalidData, "import_junit", project="kiln", content=content)
    assert refusal.data["field"] == "content"
    assert harness.log == []


BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
ATTACKS = {
    "billion laughs": f'<!DOCTYPE x [<!ENTITY e0 "lol">{BOMB}]>' + SUITE.format('<testcase name="&e9;"/>'),
    "quadratic": '<!DOCTYPE x [<!ENTITY a "' + "a" * 50_000 + '">]>' + SUITE.format("&a;" * 10_000),
    "local file": '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + SUITE.format("<testcase>&f;</testcase>"),
    "parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]>' + SUITE.format(""),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("command", ["import_junit", "import_coverage"])
def test_entities_are_refused_before_they_expand(harness: Harness, command: str, attack: str) -> None:
    refusal = harness.refused(InvalidData, command, project="kiln", content=ATTACKS[attack])
    assert "declares an entity" in refusal.message


def test_attributes_of_a_dtd_are_refused(harness: Harness) -> None:
    declared = " ".join(f"a{number} CDATA 'x'" for number in range(1000))
    content = f"<!DOCTYPE x [<!ATTLIST testcase {declared}>]>" + SUITE.format("<testcase/>" * 1000)
    refusal = harness.refused(InvalidData, "import_junit", project="kiln", content=content)
    assert "declares attributes" in refusal.message


def test_a_report_with_too_many_tests_is_refused(harness: Harness) -> None:
    content = SUITE.format('<testcase name="t"/>' * (imports.MOST_IMPORTED + 1))
    refusal = harness.refused(LimitExceeded, "import_junit", project="kiln", content=content)
    assert refusal.data == {"limit": imports.MOST_IMPORTED}


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["", "failure", "error", "skipped"]))))
def test_counts_are_those_of_the_report(cases: list[tuple[str, str]]) -> None:
    written = "".join(f'<testcase name="{name}">{f"<{how}/>" if how else ""}</testcase>' for name, how in cases)
    harness = Harness(SERVICE)
    if not cases:
        harness.refused(InvalidData, "import_junit", project="kiln", content=SUITE.format(written))
        return
    answer = take(harness, SUITE.format(written)).answer
    hows = [how for _, how in cases]
    assert answer["tests_passed"] == hows.count("")
    assert answer["tests_failed"] == hows.count("failure") + hows.count("error")
    assert answer["tests_skipped"] == hows.count("skipped")
    assert answer["tests_completed"] == answer["total_tests"] == len(cases)
    assert harness.replayed() == harness.state


# Coverage


def test_the_coverage_of_coverage_py_is_read_right(harness: Harness) -> None:
    decision = harness.execute("import_coverage", project="kiln", content=file("coverage.xml"))
    (event,) = decision.events
    assert (event.name, event.channels) == ("coverage.updated", ("quality:kiln", "coverage"))
    assert (event.data["line_coverage"], event.data["branch_coverage"]) == (87.5, 100.0)
    assert event.data["path_coverage"] is None
    assert gate(harness, "branch_coverage", 100)["status"] == "passed"


def test_branches_that_were_not_measured_do_not_count(harness: Harness) -> None:
    harness.execute("import_coverage", project="kiln", content=file("coverage-lines.xml"))
    assert harness.query("get_coverage", project="kiln")["branch_coverage"] is None
    harness.refused(NotFound, "check_quality_gate", project="kiln", gate_name="branch_coverage", threshold=0)
    assert gate(harness, "line_coverage", 88)["status"] == "failed"


def test_rates_count_where_there_are_no_counts() -> None:
    doctype = "<!DOCTYPE coverage SYSTEM 'http://cobertura.sourceforge.net/xml/coverage-04.dtd'>"
    lines = '<packages><line number="1" branch="{}"/></packages>'
    both = f'{doctype}<coverage line-rate="0.5" branch-rate="0.25">{lines}</coverage>'
    assert cobertura.read(both.format("true")) == cobertura.Shares(50, 25)
    assert cobertura.read(both.format("True")) == cobertura.Shares(50, 25)
    assert cobertura.read(both.format("false")) == cobertura.Shares(50, None)


COBERTURA = {
    "coverage.xml": (87.5, 100),
    "coverage-lines.xml": (87.5, None),
    "gcovr.xml": (75, 50),
    "coverlet.xml": (200 / 3, 50),
    "cover2cover.xml": (60, 25),
    "grcov.xml": (87.5, None),
    "gocover-cobertura.xml": (500 / 6, None),
}


@pytest.mark.parametrize("name", COBERTURA)
def test_the_coverage_of_each_tool_is_read_right(name: str) -> None:
    assert cobertura.read(file(name)) == cobertura.Shares(*COBERTURA[name])


# As each tool writes it where there was nothing to measure.
NOTHING = {
    "coverage.py": 'lines-valid="0" lines-covered="0" line-rate="1" branches-covered="0" branch-rate="0"',
    "gcovr": 'line-rate="1.0" branch-rate="1.0" lines-covered="0" lines-valid="0" branches-valid="0"',
    "coverlet": 'line-rate="1" branch-rate="1" version="1.9" timestamp="0"',
    "cover2cover": 'timestamp="0.0" line-rate="0.0" branch-rate="0.0" complexity="0.0"',
    "grcov": 'lines-covered="0" lines-valid="0" line-rate="0" branches-covered="0" branches-valid="0" branch-rate="0"',
    "gocover-cobertura": 'line-rate="0" branch-rate="0" lines-covered="0" lines-valid="0"',
}


@pytest.mark.parametrize("tool", NOTHING)
def test_coverage_of_no_line_is_refused(harness: Harness, tool: str) -> None:
    """It was recorded as 100 %, and passed its gate."""
    content = f"<coverage {NOTHING[tool]}><packages/></coverage>"
    refusal = harness.refused(InvalidData, "import_coverage", project="kiln", content=content)
    assert refusal.message == "The report measured no line."
    assert harness.log == []


@pytest.mark.parametrize(("hits", "rate", "share"), [(1, "1", 100), (0, "0.0", 0)])
def test_all_or_none_of_some_lines_is_a_measurement(hits: int, rate: str, share: float) -> None:
    line = f'<packages><line number="1" hits="{hits}" branch="false"/></packages>'
    assert cobertura.read(f'<coverage line-rate="{rate}" branch-rate="NaN">{line}</coverage>').line == share


@pytest.mark.parametrize("percent", [29, 57, 58])
def test_a_rate_is_not_less_than_its_percents(harness: Harness, percent: int) -> None:
    harness.execute("import_coverage", project="kiln", content=f'<coverage line-rate="0.{percent}"/>')
    assert gate(harness, "line_coverage", percent)["status"] == "passed"


@pytest.mark.parametrize(
    "attributes",
    [
        "",
        'line-rate="much"',
        'line-rate="1.5"',
        'line-rate="nan"',
        'line-rate="0,5"',
        'line-rate="0_5"',
        'line-rate="-0.5"',
        'line-rate="50%"',
        'lines-valid="-2" lines-covered="-1"',
        'lines-valid="2" lines-covered="-1"',
        'lines-valid="2.5" lines-covered="1"',
        'lines-valid="0" lines-covered="1"',
        'lines-valid="many" lines-covered="1" line-rate="1"',
        'lines-valid="0" lines-covered="0" line-rate="1"',
        'lines-valid="1" lines-covered="2"',
    ],
)
def test_a_report_without_a_measurement_is_refused(harness: Harness, attributes: str) -> None:
    content = f"<coverage {attributes}/>"
    assert harness.refused(InvalidData, "import_coverage", project="kiln", content=content).data["field"] == "content"
    harness.refused(InvalidData, "import_coverage", project="kiln", content=file("pytest.xml"))
    assert harness.log == []
