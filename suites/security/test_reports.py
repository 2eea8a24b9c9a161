"""Reports of other tools are XML from strangers (8)."""

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples

DECLARED = " ".join(f"a{number} CDATA 'x'" for number in range(100))
TESTS = "<testcase name='t'/>" * 10
REPORT = f"<!DOCTYPE testsuite [<!ATTLIST testcase {DECLARED}>]><testsuite>{TESTS}</testsuite>"


@clause(
    "SECURITY-210",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A report whose DTD gives attributes to all its elements, so that it becomes many times as large, is "
    "INVALID_DATA.",
    services=("crackerjack",),
)
async def test_a_report_declares_no_attributes(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    refusal = await client.refusal("import_junit", {"project": sample.key(), "content": REPORT})
    assert refusal.error_code == "INVALID_DATA"
