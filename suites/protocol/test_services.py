"""What each service is for, in one rule of its domain that a careless one gets wrong (8)."""

import hashlib

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples


@clause(
    "PROTOCOL-080",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A workflow's stages are completed in their order, and it is not completed before its last stage.",
    services=("mahavishnu",),
)
async def test_stages_in_order(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    workflow = {"workflow_id": sample.key()}
    stages = {"adapter": "suite", "prompt": "In order", "stages": ["first", "second"]}
    await client.answer("start_workflow", {**workflow, **stages})
    for event, data in (("complete_stage", {"stage_name": "second"}), ("complete_workflow", {})):
        assert (await client.refusal(event, {**workflow, **data})).error_code == "CONFLICT", f"{event} out of order"
    unknown = await client.refusal("complete_stage", {**workflow, "stage_name": "third"})
    assert unknown.error_code == "NOT_FOUND"
    status = (await client.answer("get_workflow_status", workflow)).data
    assert (status["status"], status["stages_completed"]) == ("running", 0), "a refused command had an effect"
    for stage in stages["stages"]:
        await client.answer("complete_stage", {**workflow, "stage_name": stage})
    await client.answer("complete_workflow", {**workflow, "result": "done"})
    status = (await client.answer("get_workflow_status", workflow)).data
    assert (status["status"], status["stages_completed"], status["result"]) == ("completed", 2, "done")
    assert (await client.refusal("complete_workflow", workflow)).error_code == "CONFLICT", "completed twice"


@clause(
    "PROTOCOL-081",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="Captured knowledge is found by its words, the better match first, and what has none of them is not found.",
    services=("session-buddy",),
)
async def test_knowledge_is_found_by_its_words(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    rare, other = (f"word{sample.key(n).replace('-', '')}" for n in (1, 2))
    texts = {
        "once": f"A long note about many a thing, among which {rare} is named once and then no more.",
        "often": f"{rare}: {rare} explained, with {rare} throughout.",
        "never": f"A note about {other}.",
    }
    for name, text in texts.items():
        await client.answer("capture_knowledge", {"knowledge_id": sample.key(name), "content": text})
    found = (await client.answer("search_knowledge", {"query": rare, "limit": 10})).data
    assert [hit["knowledge_id"] for hit in found["results"]] == [sample.key("often"), sample.key("once")]
    best = (await client.answer("search_knowledge", {"query": rare, "limit": 1})).data
    assert [hit["knowledge_id"] for hit in best["results"]] == [sample.key("often")]
    nothing = (await client.answer("search_knowledge", {"query": f"{rare}{other}"})).data
    assert nothing["results"] == []


@clause(
    "PROTOCOL-082",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A quality gate without a measurement is NOT_FOUND, never passed; a measured one is judged by its threshold.",
    services=("crackerjack",),
)
async def test_unmeasured_gate_is_no_pass(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    project = {"project": sample.key()}
    gate = {**project, "gate_name": "line_coverage"}
    assert (await client.refusal("get_quality_gate", project)).error_code == "NOT_FOUND"
    assert (await client.refusal("check_quality_gate", {**gate, "threshold": 0})).error_code == "NOT_FOUND"
    await client.answer("record_coverage", {**project, "line_coverage": 79.5})
    for threshold, status in ((79.5, "passed"), (80, "failed")):
        await client.answer("check_quality_gate", {**gate, "threshold": threshold})
        held = (await client.answer("get_quality_gate", gate)).data
        assert (held["status"], held["score"], held["threshold"]) == (status, 79.5, threshold)
    unmeasured = {**project, "gate_name": "branch_coverage", "threshold": 0}
    assert (await client.refusal("check_quality_gate", unmeasured)).error_code == "NOT_FOUND"


@clause(
    "PROTOCOL-083",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="A value far off its series is an anomaly, delivered and kept with its severity; ordinary values are none.",
    services=("akosha",),
)
async def test_outlier_is_an_anomaly(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    series = f"sample.{sample.key()}"
    await client.subscribe("anomalies")
    ordinary = [{"value": 100 + (place * 7) % 5} for place in range(40)]
    await client.answer("ingest", {"series": series, "points": ordinary})
    assert not [e for e in await client.fence() if sample.concerns(e)], "ordinary values are taken for anomalies"
    await client.answer("ingest", {"series": series, "points": [{"value": 100_000}]})
    received = await client.event("anomaly.detected", "anomalies", where=sample.concerns)
    assert received.data["severity"] in {"low", "medium", "high", "critical"}
    assert received.data["anomaly_type"]
    assert received.data["description"]
    question = {"severity": received.data["severity"], "limit": 1000}
    held = (await client.answer("get_anomalies", question)).data["anomalies"]
    assert received.data["anomaly_id"] in {each["anomaly_id"] for each in held}


@clause(
    "PROTOCOL-084",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="An adapter is kept byte for byte, only under its own checksum, and never replaced by other content.",
    services=("dhruva",),
)
async def test_content_is_what_its_checksum_answers(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    adapter_id = {"adapter_id": f"sample:{sample.key()}:suite"}
    name = {"domain": "sample", "key": sample.key(), "provider": "suite", "version": "1.0.0"}
    content = "déjà vu\r\n\t\u2028\U0001f98b\x00 the end "
    checksum, foreign = _sha256(content), _sha256("something else")
    refused = await client.refusal("store_adapter", {**name, "content": content, "sha256": foreign})
    assert (refused.error_code, refused.data["field"]) == ("INVALID_DATA", "sha256")
    assert (await client.refusal("get_adapter", adapter_id)).error_code == "NOT_FOUND", "stored all the same"
    await client.answer("store_adapter", {**name, "content": content, "sha256": checksum})
    other = {**name, "content": "something else", "sha256": foreign}
    assert (await client.refusal("store_adapter", other)).error_code == "CONFLICT"
    held = (await client.answer("get_adapter_content", adapter_id)).data
    assert (held["content"], held["sha256"]) == (content, checksum)


@clause(
    "PROTOCOL-085",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="Of two edits of an element the higher version stays, of equal versions the lower nonce, in whatever order.",
    services=("excalidraw",),
)
async def test_edits_converge(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    edits = [(1, 50), (3, 70), (3, 20), (2, 10)]
    for n, order in enumerate((edits, edits[::-1], edits[2:] + edits[:2])):
        diagram = {"diagram_id": sample.key(n)}
        await client.answer("create_diagram", diagram)
        for version, nonce in order:
            element = {
                "id": "e",
                "type": "text",
                "version": version,
                "versionNonce": nonce,
                "text": f"{version}/{nonce}",
            }
            await client.answer("update_diagram", {**diagram, "elements": [element]})
        (held,) = (await client.answer("get_diagram", diagram)).data["elements"]
        assert held["text"] == "3/20", f"after {order}"


@clause(
    "PROTOCOL-086",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="set_state with expected_version is a compare-and-set: CONFLICT, and nothing changed, if the state has moved.",
    services=("fastblocks",),
)
async def test_compare_and_set(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    path = {"state_path": sample.key()}
    first = (await client.answer("set_state", {**path, "value": "a", "expected_version": 0})).data["version"]
    second = (await client.answer("set_state", {**path, "value": "b", "expected_version": first})).data["version"]
    assert second > first
    for stale in (0, first):
        refused = await client.refusal("set_state", {**path, "value": "c", "expected_version": stale})
        assert (refused.error_code, refused.data.get("expected")) == ("CONFLICT", stale)
    held = (await client.answer("get_state", path)).data
    assert (held["value"], held["version"]) == ("b", second)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
