"""The events of the services' domains: their fields and the values of these (8)."""

import hashlib
from html.parser import HTMLParser

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples


@clause(
    "PROTOCOL-110",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="The event of a failed test has its error and traceback, that of a completed run its counts and its duration.",
    services=("crackerjack",),
)
async def test_failures_are_events(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    run, channel = {"run_id": sample.key()}, f"test:{sample.key()}"
    await client.subscribe(channel)
    await client.answer("start_test_run", {**run, "test_suite": "suite", "total_tests": 2})
    await client.answer("record_test_result", {**run, "test_name": "good", "outcome": "passed"})
    failure = {"test_name": "bad", "error": "1 != 2", "traceback": "in line 3\nin line 4"}
    await client.answer("record_test_result", {**run, "outcome": "failed", **failure})
    await client.answer("complete_test_run", run)
    failed = await client.event("test.failed", channel)
    result = {name: failed.data.get(name) for name in failure}
    assert (failed.data["run_id"], result) == (sample.key(), failure), "the failure is not delivered as it was recorded"
    completed = (await client.event("test.completed", channel)).data
    assert (completed["tests_completed"], completed["tests_failed"]) == (2, 1)
    assert completed["duration_seconds"] >= 0


@clause(
    "PROTOCOL-111",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="Coverage reaches the subscribers of the project and those of coverage; what was not measured is null.",
    services=("crackerjack",),
)
async def test_coverage_is_an_event(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    project = {"project": sample.key()}
    for channel in (f"quality:{sample.key()}", "coverage"):
        await client.subscribe(channel)
    await client.answer("record_coverage", {**project, "line_coverage": 79.5})
    for channel in (f"quality:{sample.key()}", "coverage"):
        result = (await client.event("coverage.updated", channel, where=sample.concerns)).data
        assert (result["project"], result["line_coverage"]) == (sample.key(), 79.5)
        assert (result["branch_coverage"], result["path_coverage"]) == (None, None)


@clause(
    "PROTOCOL-112",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="What a series does all along is a pattern of its category, delivered with a confidence from 0 to 1 and kept.",
    services=("akosha",),
)
async def test_patterns_have_a_confidence(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    category = sample.key()
    await client.subscribe(f"patterns:{category}")
    rising = [{"value": float(place)} for place in range(60)]
    await client.answer("ingest", {"series": f"{category}.load", "points": rising})
    result = (await client.event("pattern.detected", f"patterns:{category}")).data
    assert 0 <= result["confidence"] <= 1, f"a confidence of {result['confidence']}"
    assert result["pattern_type"]
    assert result["description"]
    held = (await client.answer("get_patterns", {"category": category})).data["patterns"]
    assert result["pattern_id"] in {each["pattern_id"] for each in held}


@clause(
    "PROTOCOL-113",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="Versions are ordered as semantic versions are: the latest is what is sent to a target that names none.",
    services=("dhruva",),
)
async def test_versions_are_ordered(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    name = {"domain": "sample", "key": sample.key(), "provider": "suite"}
    adapter_id = {"adapter_id": f"sample:{sample.key()}:suite"}
    for version in ("1.10.0", "1.9.0", "1.10.0-rc.1"):
        content = {"content": version, "sha256": hashlib.sha256(version.encode()).hexdigest()}
        await client.answer("store_adapter", {**name, "version": version, **content})
    latest = (await client.answer("get_adapter", adapter_id)).data["version"]
    assert latest == "1.10.0", f"{latest} is taken for the latest of 1.10.0, 1.9.0 and 1.10.0-rc.1"
    await client.subscribe("distribution")
    await client.answer("distribute_adapter", {**adapter_id, "target": sample.key("edge")})
    sent = (await client.event("adapter.distributed", "distribution", where=sample.concerns)).data
    assert (sent["adapter_id"], sent["version"], sent["target"]) == (
        adapter_id["adapter_id"],
        "1.10.0",
        sample.key("edge"),
    )


@clause(
    "PROTOCOL-153",
    level="SHOULD",
    section="8",
    feature="core",
    profile="ecosystem",
    text="No prerelease is sent to a target that names no version, where there is a release.",
    services=("dhruva",),
)
async def test_prereleases_are_sent_on_request_only(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    name = {"domain": "sample", "key": sample.key(), "provider": "suite"}
    for version in ("1.0.0", "2.0.0-rc.1"):
        content = {"content": version, "sha256": hashlib.sha256(version.encode()).hexdigest()}
        await client.answer("store_adapter", {**name, "version": version, **content})
    await client.subscribe("distribution")
    target = {"adapter_id": f"sample:{sample.key()}:suite", "target": sample.key("edge")}
    await client.answer("distribute_adapter", target)
    sent = (await client.event("adapter.distributed", "distribution", where=sample.concerns)).data["version"]
    assert sent == "1.0.0", f"{sent} was sent, which nobody requested"


@clause(
    "PROTOCOL-114",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A deleted element stays deleted, however late an older edit of it comes.",
    services=("excalidraw",),
)
async def test_deleted_elements_stay_deleted(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    diagram = {"diagram_id": sample.key()}
    element = {"id": "e", "type": "rectangle", "version": 1, "versionNonce": 1, "isDeleted": False}
    await client.answer("create_diagram", {**diagram, "elements": [element]})
    await client.answer("update_diagram", {**diagram, "elements": [{**element, "version": 3, "isDeleted": True}]})
    await client.answer("update_diagram", {**diagram, "elements": [{**element, "version": 2}]})
    status = (await client.answer("get_diagram_status", diagram)).data
    assert status["element_count"] == 0, "the deleted element is there again"


@clause(
    "PROTOCOL-115",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="What a component is given to show is text in its HTML, and never markup.",
    services=("fastblocks",),
)
async def test_props_are_no_markup(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    hostile = "</p><script>alert(1)</script><img src=x onerror='alert(2)'>"
    component = {"component_id": sample.key(), "component_type": "text", "props": {"text": hostile}}
    html = (await client.answer("render_component", component)).data["html"]
    received = _Page()
    received.feed(html)
    assert not {"script", "img"} & set(received.tags), f"markup was let through: {html}"
    assert hostile in received.text, "the text is not shown as it was given"


@clause(
    "PROTOCOL-116",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="The metrics of a skill count every use of it, and are delivered with each.",
    services=("session-buddy",),
)
async def test_skills_are_counted(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    skill = {"skill_name": sample.key()}
    await client.subscribe("skills")
    for success, seconds in ((True, 1.0), (False, 3.0)):
        await client.answer("record_skill", {**skill, "success": success, "duration_seconds": seconds})
    for uses in (1, 2):
        result = (await client.event("skill.metrics", "skills", where=sample.concerns)).data
        assert result["total_invocations"] == uses
    held = (await client.answer("get_skill_metrics", skill)).data
    counted = (held["total_invocations"], held["completion_rate"], held["avg_duration_seconds"])
    assert counted == (2, 0.5, 2.0), f"uses, rate and mean are {counted}"


class _Page(HTMLParser):
    """What a browser would make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data
