"""What an element may hold, so that Excalidraw can count, order and draw it (8)."""

from typing import Any

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.request_samples import RequestSamples
from bodhisattva.fixtures.wire import WireClient

ELEMENT = {"id": "e", "type": "rectangle", "version": 1, "versionNonce": 1, "isDeleted": False}
EXACT = 2**53 - 1
UNCOUNTABLE: list[dict[str, Any]] = [
    *({name: value} for name in ("version", "versionNonce", "seed", "updated") for value in (2**53, 10**30)),
    *({"x": 1e308}, {"y": "1"}, {"width": -1e308}, {"opacity": 1e308}, {"points": [[0, 0], [0, 1e308]]}),
]
UNORDERED = ("r00000001", "", "a", "1", "a00", "a0V0", "a!", "é0", "A" + "0" * 26)


@clause(
    "PROTOCOL-220",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="An element with a number that JavaScript cannot count, or a coordinate beyond 10^9, is INVALID_DATA.",
    services=("excalidraw",),
)
async def test_numbers_that_cannot_be_counted_are_refused(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    diagram = {"diagram_id": sample.key()}
    await client.answer("create_diagram", {**diagram, "elements": [ELEMENT]})
    for each in UNCOUNTABLE:
        await refused(client, "update_diagram", diagram, {"elements": [{**ELEMENT, "version": 2, **each}]})
    largest = {**ELEMENT, "version": EXACT, "versionNonce": EXACT, "x": 1e9}
    await client.answer("update_diagram", {**diagram, "elements": [largest]})
    (held,) = (await client.answer("get_diagram", diagram)).data["elements"]
    assert held == largest


@clause(
    "PROTOCOL-221",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="An element whose index is none of fractional-indexing is INVALID_DATA.",
    services=("excalidraw",),
)
async def test_indices_that_order_nothing_are_refused(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    diagram = {"diagram_id": sample.key()}
    await client.answer("create_diagram", {**diagram, "elements": [ELEMENT]})
    for index in UNORDERED:
        await refused(client, "update_diagram", diagram, {"elements": [{**ELEMENT, "version": 2, "index": index}]})
    ordered: list[str | None] = [None, "a0", "Zz", "b00", "a0V", "A" + "0" * 25 + "1", "z" * 27]
    for version, place in enumerate(ordered, start=2):
        sent = {**ELEMENT, "version": version, "index": place}
        await client.answer("update_diagram", {**diagram, "elements": [sent]})
        (held,) = (await client.answer("get_diagram", diagram)).data["elements"]
        assert held == sent


@clause(
    "PROTOCOL-222",
    level="MUST",
    section="8",
    feature="imports",
    profile="ecosystem",
    text="A drawing with an element that cannot be counted or ordered is INVALID_DATA, and none of it is taken.",
    services=("excalidraw",),
)
async def test_drawings_are_taken_whole_or_not(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    diagram = {"diagram_id": sample.key()}
    await client.answer("create_diagram", {**diagram, "elements": [ELEMENT]})
    for each in (*UNCOUNTABLE, *({"index": index} for index in UNORDERED)):
        elements = [{**ELEMENT, "id": "f"}, {**ELEMENT, "version": 2, **each}]
        document = {"type": "excalidraw", "version": 2, "elements": elements}
        await refused(client, "import_diagram", diagram, {"document": document})


@clause(
    "PROTOCOL-228",
    level="MUST",
    section="8",
    feature="imports",
    profile="ecosystem",
    text="A drawing's elements keep the order of their file, whatever their indices are.",
    services=("excalidraw",),
)
async def test_drawings_keep_their_order(connect: Connect, sample: RequestSamples) -> None:
    client = await connect()
    for n, indices in enumerate((("a0", "a1", "a2"), ("a2", "a1", "a3"), ("a1", "a1", "a1"), (None, "a0", "a1"))):
        diagram = {"diagram_id": sample.key(n)}
        elements = [{**ELEMENT, "id": name, "index": index} for name, index in zip("zxy", indices, strict=True)]
        document = {"type": "excalidraw", "version": 2, "elements": elements}
        await client.answer("import_diagram", {**diagram, "document": document})
        drawn = (await client.answer("get_diagram", diagram)).data["elements"]
        assert [each["id"] for each in drawn] == ["z", "x", "y"], f"{indices}: drawn in another order"


async def refused(client: WireClient, command: str, diagram: dict[str, Any], data: dict[str, Any]) -> None:
    before = (await client.answer("get_diagram", diagram)).data
    reply = await client.request(command, diagram | data)
    assert reply.error_code == "INVALID_DATA", f"{data} is taken"
    assert (await client.answer("get_diagram", diagram)).data == before, f"{data} changed the diagram"
