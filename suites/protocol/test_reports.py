"""Reports of other tools: a number in them is read as it was meant, or refused, and never counts as none (8)."""

from typing import Any

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.wire import WireClient

CLASS = '<class name="c"><lines><line number="1" hits="{}"/></lines></class>'
LINES = f"<packages><package><classes>{CLASS}</classes></package></packages>"


@clause(
    "PROTOCOL-223",
    level="MUST",
    section="8",
    feature="imports",
    profile="ecosystem",
    text="Coverage of nothing is INVALID_DATA and passes no gate, whatever rate the report gives it.",
    services=("crackerjack",),
)
async def test_coverage_of_nothing_passes_no_gate(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    project = {"project": sample.key()}
    gate = {**project, "gate_name": "line_coverage", "threshold": 0}
    counts = 'lines-valid="0" lines-covered="0" line-rate="1"'
    for attributes in ('line-rate="1" branch-rate="1" version="1.9"', 'line-rate="1.0"', 'line-rate="0"', counts):
        report = {**project, "content": f"<coverage {attributes}><packages/></coverage>"}
        reply = await client.request("import_coverage", report)
        assert reply.error_code == "INVALID_DATA", f"{attributes}: coverage of nothing is recorded as {reply.data}"
        assert (await client.refusal("check_quality_gate", gate)).error_code == "NOT_FOUND"
    for hits, share in ((1, 100), (0, 0)):
        report = {**project, "content": f'<coverage line-rate="{hits}">{LINES.format(hits)}</coverage>'}
        assert (await client.answer("import_coverage", report)).data["line_coverage"] == share


@clause(
    "PROTOCOL-224",
    level="MUST",
    section="8",
    feature="imports",
    profile="ecosystem",
    text="A time of a report is read as its tool meant it, with decimal point or comma, or is INVALID_DATA.",
    services=("crackerjack",),
)
async def test_times_are_read_as_they_were_meant(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    for n, (time, seconds) in enumerate((("0,005", 0.005), ("1,204.51", 1204.51), ("0.005", 0.005), ("0,1", 0.1))):
        reply = await junit(client, sample, n, f'<testsuite name="s"><testcase name="a" time="{time}"/></testsuite>')
        if reply.error_code != "INVALID_DATA":
            result = await client.event("test.completed", f"test:{sample.key(n)}")
            assert result.data["duration_seconds"] == seconds, (
                f"{time} is read as {result.data['duration_seconds']} seconds"
            )
    for n, time in enumerate(("5s", "-1", "0.0.5", "1e999"), start=10):
        reply = await junit(client, sample, n, f'<testsuite name="s"><testcase name="a" time="{time}"/></testsuite>')
        assert reply.error_code == "INVALID_DATA", f"{time} is read as a time"


@clause(
    "PROTOCOL-225",
    level="MUST",
    section="8",
    feature="imports",
    profile="ecosystem",
    text="Failures that a report counts have not passed, however they are counted and whether or not it names them.",
    services=("crackerjack",),
)
async def test_counted_failures_have_not_passed(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    project = {"project": sample.key(), "gate_name": "test_pass_rate", "threshold": 100}
    flaky = '<testsuite name="f"><testcase name="f"><flakyFailure/></testcase></testsuite>'
    for n, counted in enumerate(('failures="1"', 'errors="1"', 'failures="1,000"', 'failures="many"', 'errors="-1"')):
        own = f'<testsuite name="s" {counted}><testcase name="a"/></testsuite>'
        reply = await junit(client, sample, n, f"<testsuites>{flaky}{own}</testsuites>")
        if reply.error_code != "INVALID_DATA":
            checked = (await client.answer("check_quality_gate", project)).data
            assert checked["status"] == "failed", f"{counted} has passed"


async def junit(client: WireClient, sample: RequestSamples, n: int, content: str) -> Any:
    await client.subscribe(f"test:{sample.key(n)}")
    return await client.request("import_junit", {"project": sample.key(), "run_id": sample.key(n), "content": content})
