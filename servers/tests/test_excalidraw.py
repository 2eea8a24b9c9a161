"""Diagrams: elements merge the same way in any order, and only changes are recorded."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.errors import Conflict, InvalidData, LimitExceeded, NotFound
from bodhisattva.servers.excalidraw import domain
from bodhisattva.servers.excalidraw.domain import Content, merged
from bodhisattva.servers.excalidraw.elements import FARTHEST, MOST, Element, check, nth_index
from bodhisattva.servers.excalidraw.merge import in_order, merge
from bodhisattva.servers.excalidraw.service import SERVICE
from bodhisattva.servers.tests.drawing import DRAWINGS
from bodhisattva.servers.tests.harness import Harness


def element(identity: str, version: int = 1, nonce: int = 1, **more: Any) -> Element:
    return {"id": identity, "type": "rectangle", "version": version, "versionNonce": nonce, **more}


def edit(identity: str, version: int, nonce: int) -> Element:
    """An edit as a client makes it: id, version and nonce name it, so they fix its content."""
    return element(identity, version, nonce, index=f"a{identity}{version}", x=version * 10 + nonce)


edits = st.lists(st.builds(edit, st.sampled_from("abc"), st.integers(1, 3), st.integers(0, 2)), max_size=8)


def drawn(*batches: list[Element]) -> dict[str, Element]:
    held: dict[str, Element] = {}
    for batch in batches:
        held |= merge(held, batch)
    return held


@given(edits, edits)
def test_merge_is_commutative(one: list[Element], other: list[Element]) -> None:
    assert drawn(one, other) == drawn(other, one)
    assert in_order(drawn(one, other).values()) == in_order(drawn(other, one).values())


@given(edits, edits, edits)
def test_merge_is_associative(one: list[Element], two: list[Element], three: list[Element]) -> None:
    assert drawn(list(drawn(one, two).values()), three) == drawn(one, list(drawn(two, three).values()))


@given(edits)
def test_merge_is_idempotent(batch: list[Element]) -> None:
    once = drawn(batch)
    assert merge(once, batch) == {}
    assert merge(once, once.values()) == {}


def test_higher_version_wins_then_lower_nonce() -> None:
    held = {"a": element("a", 2, 5)}
    assert merge(held, [element("a", 1, 0)]) == {}
    assert merge(held, [element("a", 2, 6)]) == {}
    assert merge(held, [element("a", 2, 4)]) == {"a": element("a", 2, 4)}
    assert merge(held, [element("a", 3, 9)]) == {"a": element("a", 3, 9)}


def test_order_is_by_index_then_arrival() -> None:
    elements = [
        element("new"),
        element("top", index="a2"),
        element("z", index="a1"),
        element("b", index="a1"),
    ]
    assert [each["id"] for each in in_order(elements)] == ["b", "z", "top", "new"]


@pytest.fixture
def harness() -> Harness:
    harness = Harness(SERVICE)
    harness.execute("create_diagram", diagram_id="plan", name="Plan", elements=[element("a")])
    return harness


@given(st.lists(edits, max_size=6))
def test_replaying_the_log_gives_the_same_state(batches: list[list[Element]]) -> None:
    harness = Harness(SERVICE)
    harness.execute("create_diagram", diagram_id="plan")
    for batch in batches:
        harness.advance(1)
        harness.execute("update_diagram", diagram_id="plan", elements=batch)
    assert harness.replayed() == harness.state
    shown = harness.query("get_diagram", diagram_id="plan")
    assert {each["id"]: each for each in shown["elements"]} == drawn(*batches)
    assert shown["version"] == len(harness.log)


def test_a_created_diagram_is_read_back(harness: Harness) -> None:
    (created,) = harness.log
    assert created.name == "diagram.created"
    assert created.channels == ("diagram:plan",)
    assert created.data["elements"] == [element("a")]
    shown = harness.query("get_diagram", diagram_id="plan")
    assert (shown["name"], shown["version"], shown["elements"]) == ("Plan", 1, [element("a")])


def test_an_update_records_only_the_changes(harness: Harness) -> None:
    decision = harness.execute("update_diagram", diagram_id="plan", elements=[element("a"), element("b", extra=[1])])
    (updated,) = decision.events
    assert updated.name == "diagram.updated"
    assert updated.data["elements"] == [element("b", extra=[1])]
    assert updated.data["version"] == 2
    assert decision.answer == {"diagram_id": "plan", "version": 2, "accepted": ["b"], "superseded": []}


def test_a_stale_update_records_nothing_and_is_answered_with_the_winner(harness: Harness) -> None:
    harness.execute("update_diagram", diagram_id="plan", elements=[element("a", 5)])
    decision = harness.execute("update_diagram", diagram_id="plan", elements=[element("a", 4)])
    assert decision.events == ()
    assert decision.answer["version"] == 2
    assert decision.answer["superseded"] == [element("a", 5)]


class Counted(dict[str, Any]):
    """An element that counts how often any is compared."""

    __hash__ = None
    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return super().__eq__(other)


def test_a_whole_scene_sent_again_costs_one_comparison_per_element(harness: Harness) -> None:
    """Ten thousand elements, compared with one another, held up everybody for seconds."""
    scene = [element(str(number), 2) for number in range(100)]
    harness.execute("update_diagram", diagram_id="plan", elements=scene)
    diagram = harness.state.diagrams["plan"]
    diagram.elements = {identity: Counted(held) for identity, held in diagram.elements.items()}
    sent = scene[:50] + [element(each["id"]) for each in scene[50:]]
    decision = merged(diagram, Content(sent, {}), harness.context())
    assert Counted.compared <= len(sent)
    assert decision.answer["superseded"] == scene[50:]


def test_a_late_edit_does_not_restore_a_deleted_element(harness: Harness) -> None:
    harness.execute("update_diagram", diagram_id="plan", elements=[element("a", 3, isDeleted=True)])
    harness.execute("update_diagram", diagram_id="plan", elements=[element("a", 2)])
    assert harness.query("get_diagram", diagram_id="plan", include_deleted=False)["elements"] == []
    status = harness.query("get_diagram_status", diagram_id="plan")
    assert (status["element_count"], status["deleted_count"]) == (0, 1)


def test_a_deleted_diagram_is_not_found(harness: Harness) -> None:
    (deleted,) = harness.execute("delete_diagram", diagram_id="plan").events
    assert deleted.name == "diagram.deleted"
    with pytest.raises(NotFound):
        harness.query("get_diagram", diagram_id="plan")
    assert harness.replayed() == harness.state


def test_diagrams_are_listed_page_by_page() -> None:
    harness = Harness(SERVICE)
    for name in ("c", "a", "b"):
        harness.execute("create_diagram", diagram_id=name)
    first = harness.query("list_diagrams", limit=2)
    second = harness.query("list_diagrams", limit=2, after=first["next"])
    assert [each["diagram_id"] for each in first["diagrams"] + second["diagrams"]] == ["a", "b", "c"]
    assert second["next"] is None


def test_joining_and_leaving_are_published_and_not_recorded(harness: Harness) -> None:
    harness.log.clear()
    joined = harness.execute("join_diagram", diagram_id="plan", name="Ada", color="#00ff00")
    (event,) = joined.ephemeral
    assert (event.name, event.channels) == ("user.joined", ("presence:plan",))
    assert event.data["user_info"] == {"name": "Ada", "color": "#00ff00"}
    assert harness.execute("join_diagram", diagram_id="plan", name="Ada", color="#00ff00").ephemeral == ()
    (left,) = harness.execute("leave_diagram", diagram_id="plan").ephemeral
    assert (left.name, left.data) == ("user.left", event.data)
    assert left.coalesce_key == event.coalesce_key == event.data["connection_id"], "only the newest has to be sent"
    assert harness.membership == {}
    assert harness.log == []


def test_disconnecting_publishes_user_left(harness: Harness) -> None:
    harness.execute("join_diagram", diagram_id="plan")
    assert SERVICE.parted is not None
    left = SERVICE.parted("presence:plan", harness.membership["presence:plan"])
    assert (left.name, left.channels) == ("user.left", ("presence:plan",))
    assert left.data["diagram_id"] == "plan"
    assert left.data["user_id"] == "ada"
    assert left.data["user_info"]["name"] == "ada"


def test_a_cursor_is_ephemeral(harness: Harness) -> None:
    harness.execute("join_diagram", diagram_id="plan", name="Ada")
    decision = harness.execute("move_cursor", diagram_id="plan", position={"x": 1.5, "y": -2})
    (moved,) = decision.ephemeral
    assert decision.events == ()
    assert moved.channels == ("cursor:plan",)
    assert moved.data["position"] == {"x": 1.5, "y": -2.0}
    assert moved.data["user_info"]["name"] == "Ada"


def test_a_taken_id_is_a_conflict(harness: Harness) -> None:
    with pytest.raises(Conflict) as refusal:
        harness.execute("create_diagram", diagram_id="plan")
    assert refusal.value.data == {"field": "diagram_id", "value": "plan"}


def test_id_is_made_when_none_is_given() -> None:
    harness = Harness(SERVICE)
    made = harness.execute("create_diagram").answer["diagram_id"]
    assert harness.query("get_diagram", diagram_id=made)["elements"] == []


@pytest.mark.parametrize(
    "request_name", ["update_diagram", "delete_diagram", "move_cursor", "join_diagram", "leave_diagram"]
)
def test_commands_on_an_unknown_diagram_are_not_found(harness: Harness, request_name: str) -> None:
    more: dict[str, dict[str, Any]] = {
        "update_diagram": {"elements": []},
        "move_cursor": {"position": {"x": 0, "y": 0}},
    }
    with pytest.raises(NotFound):
        harness.execute(request_name, diagram_id="unheard-of", **more.get(request_name, {}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "line", "version": 1, "versionNonce": 1},
        element("a", version=0),
        element("a", nonce=-1),
        element("a") | {"version": "2"},
        element("a", isDeleted="yes"),
    ],
)
def test_element_that_cannot_merge_is_refused(harness: Harness, wrong: Element) -> None:
    with pytest.raises(InvalidData) as refusal:
        harness.execute("update_diagram", diagram_id="plan", elements=[element("b"), wrong])
    assert refusal.value.data == {"field": "elements[1]"}
    assert len(harness.log) == 1


TOO_LARGE = [2**53, 10**30, 1e308, -1e308, "1", True, []]
NUMBERS = (
    "x",
    "y",
    "width",
    "height",
    "angle",
    "seed",
    "updated",
    "strokeWidth",
    "roughness",
    "fontSize",
    "lineHeight",
)
POISON: dict[str, list[Any]] = {
    **dict.fromkeys(NUMBERS, TOO_LARGE),
    "version": [*TOO_LARGE, -1, 1.5],
    "versionNonce": [*TOO_LARGE, -1, 1.5],
    "opacity": [-1, 101, 1e308, "50"],
    "index": ["r00000001", "a", "a00", "a0V0", "", "1", "a!1", "A" + "0" * 26, "a0" + "V" * 200],
    "points": [[[0, 1e308]], [[0]], [[0, 0, 0]], [0, 0], "0,0", [[0, 0], [None, 1]], {"0": [0, 0]}],
    "groupIds": ["g", [1], [""], {}, ["g" * 201]],
    "boundElements": ["b", [1], [{}], {"id": "b"}, [{"id": 5, "type": "text"}]],
    "pressures": [[1e308], 0.5],
    "startBinding": ["b", {"elementId": 5}, {"elementId": "b", "fixedPoint": [0.5]}],
    "endBinding": [{"elementId": "b", "focus": 10**30, "gap": 1}],
    "fixedSegments": [[{"start": [0, 0], "end": [0, 1e308], "index": 1}]],
    "scale": [[1]],
    "crop": [{"x": 1}],
    "roundness": [{"type": "round"}],
    "frameId": [5],
    "containerId": [["a"]],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in POISON.items() for value in values])
def test_an_element_that_excalidraw_cannot_draw_is_refused(harness: Harness, name: str, value: Any) -> None:
    """One such element froze itself for everybody, or left the drawing blank."""
    elements = [element("a", 2), element("b") | {name: value}]
    refusal = harness.refused(InvalidData, "update_diagram", diagram_id="plan", elements=elements)
    assert refusal.data == {"field": "elements[1]"}
    assert name in refusal.message
    harness.refused(InvalidData, "create_diagram", diagram_id="other", elements=elements)
    harness.refused(InvalidData, "import_diagram", document={"type": "excalidraw", "elements": elements})
    assert len(harness.log) == 1


def test_values_at_the_bounds_are_accepted(harness: Harness) -> None:
    whole = element("a", MOST, MOST, seed=MOST, updated=MOST, x=FARTHEST, y=-FARTHEST, opacity=0, index="a0V")
    loose = element("b", points=[[0, 0], [0.5, -FARTHEST]], angle=None, boundElements=None, customData={"n": 10**30})
    assert harness.execute("update_diagram", diagram_id="plan", elements=[whole, loose]).answer["accepted"] == [
        "a",
        "b",
    ]


def test_an_index_is_valid_if_fractional_indexing_accepts_it() -> None:
    verdicts = json.loads((DRAWINGS / "indices.json").read_text(encoding="utf-8"))
    assert len(verdicts["accepted"]) > 200
    check(element("a", index=index) for index in verdicts["accepted"])
    for index in verdicts["refused"]:
        with pytest.raises(InvalidData):
            check([element("a", index=index)])


def test_consecutive_indices_are_those_of_fractional_indexing() -> None:
    indices = [nth_index(place) for place in range(10_000)]
    assert [indices[place] for place in (0, 61, 62, 3905, 3906)] == ["a0", "az", "b00", "bzz", "c000"]
    assert indices == sorted(indices)
    check(element("a", index=index) for index in indices)


def test_a_version_over_the_limit_in_an_older_log_is_replaced() -> None:
    held = {"a": element("a", 10**30)}
    assert merge(held, [element("a", 1, 5)]) == {"a": element("a", 1, 5)}


@pytest.mark.parametrize(
    ("command", "data"),
    [
        ("create_diagram", {"diagram_id": "no spaces"}),
        ("create_diagram", {"diagram_id": "line\n"}),
        ("create_diagram", {"name": ""}),
        ("update_diagram", {"diagram_id": "plan"}),
        ("move_cursor", {"diagram_id": "plan", "position": {"x": 1e300, "y": 0}}),
        ("join_diagram", {"diagram_id": "plan", "color": "red; content: url(x)"}),
    ],
)
def test_malformed_input_is_refused(harness: Harness, command: str, data: dict[str, Any]) -> None:
    with pytest.raises(InvalidData):
        harness.execute(command, **data)


def test_a_diagram_has_a_limit_of_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "MOST_ELEMENTS", 2)
    harness = Harness(SERVICE)
    harness.execute("create_diagram", diagram_id="d", elements=[element("a"), element("b")])
    refusal = harness.refused(LimitExceeded, "update_diagram", diagram_id="d", elements=[element("c")])
    assert refusal.data == {"field": "elements", "limit": 2}
    harness.execute("update_diagram", diagram_id="d", elements=[element("a", version=2)])
