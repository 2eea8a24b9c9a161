"""Diagrams: elements merge the same way in any order, and only what changed is told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.errors import Conflict, InvalidData, LimitExceeded, NotFound
from bodhisattva.servers.excalidraw import domain
from bodhisattva.servers.excalidraw.domain import Content, merged
from bodhisattva.servers.excalidraw.merge import Element, in_order, merge
from bodhisattva.servers.excalidraw.service import SERVICE
from bodhisattva.servers.tests.bench import Bench


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
def bench() -> Bench:
    bench = Bench(SERVICE)
    bench.do("create_diagram", diagram_id="plan", name="Plan", elements=[element("a")])
    return bench


@given(st.lists(edits, max_size=6))
def test_replay_equals_live(batches: list[list[Element]]) -> None:
    bench = Bench(SERVICE)
    bench.do("create_diagram", diagram_id="plan")
    for batch in batches:
        bench.wait(1)
        bench.do("update_diagram", diagram_id="plan", elements=batch)
    assert bench.replayed() == bench.state
    shown = bench.ask("get_diagram", diagram_id="plan")
    assert {each["id"]: each for each in shown["elements"]} == drawn(*batches)
    assert shown["version"] == len(bench.log)


def test_created_diagram_reads_back(bench: Bench) -> None:
    (created,) = bench.log
    assert created.name == "diagram.created"
    assert created.channels == ("diagram:plan",)
    assert created.data["elements"] == [element("a")]
    shown = bench.ask("get_diagram", diagram_id="plan")
    assert (shown["name"], shown["version"], shown["elements"]) == ("Plan", 1, [element("a")])


def test_update_tells_only_what_changed(bench: Bench) -> None:
    decision = bench.do("update_diagram", diagram_id="plan", elements=[element("a"), element("b", extra=[1])])
    (updated,) = decision.events
    assert updated.name == "diagram.updated"
    assert updated.data["elements"] == [element("b", extra=[1])]
    assert updated.data["version"] == 2
    assert decision.answer == {"diagram_id": "plan", "version": 2, "accepted": ["b"], "superseded": []}


def test_stale_update_records_nothing_and_shows_the_winner(bench: Bench) -> None:
    bench.do("update_diagram", diagram_id="plan", elements=[element("a", 5)])
    decision = bench.do("update_diagram", diagram_id="plan", elements=[element("a", 4)])
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


def test_whole_scene_sent_again_costs_one_comparison_an_element(bench: Bench) -> None:
    """Ten thousand elements, compared with one another, held up everybody for seconds."""
    scene = [element(str(number), 2) for number in range(100)]
    bench.do("update_diagram", diagram_id="plan", elements=scene)
    diagram = bench.state.diagrams["plan"]
    diagram.elements = {identity: Counted(held) for identity, held in diagram.elements.items()}
    sent = scene[:50] + [element(each["id"]) for each in scene[50:]]
    decision = merged(diagram, Content(sent, {}), bench.context())
    assert Counted.compared <= len(sent)
    assert decision.answer["superseded"] == scene[50:]


def test_late_edit_does_not_revive_a_deleted_element(bench: Bench) -> None:
    bench.do("update_diagram", diagram_id="plan", elements=[element("a", 3, isDeleted=True)])
    bench.do("update_diagram", diagram_id="plan", elements=[element("a", 2)])
    assert bench.ask("get_diagram", diagram_id="plan", include_deleted=False)["elements"] == []
    status = bench.ask("get_diagram_status", diagram_id="plan")
    assert (status["element_count"], status["deleted_count"]) == (0, 1)


def test_deleted_diagram_is_gone(bench: Bench) -> None:
    (deleted,) = bench.do("delete_diagram", diagram_id="plan").events
    assert deleted.name == "diagram.deleted"
    with pytest.raises(NotFound):
        bench.ask("get_diagram", diagram_id="plan")
    assert bench.replayed() == bench.state


def test_list_pages_through_every_diagram() -> None:
    bench = Bench(SERVICE)
    for name in ("c", "a", "b"):
        bench.do("create_diagram", diagram_id=name)
    first = bench.ask("list_diagrams", limit=2)
    second = bench.ask("list_diagrams", limit=2, after=first["next"])
    assert [each["diagram_id"] for each in first["diagrams"] + second["diagrams"]] == ["a", "b", "c"]
    assert second["next"] is None


def test_joining_and_leaving_are_told_but_not_recorded(bench: Bench) -> None:
    bench.log.clear()
    joined = bench.do("join_diagram", diagram_id="plan", name="Ada", color="#00ff00")
    (event,) = joined.ephemeral
    assert (event.name, event.channels) == ("user.joined", ("presence:plan",))
    assert event.data["user_info"] == {"name": "Ada", "color": "#00ff00"}
    assert bench.do("join_diagram", diagram_id="plan", name="Ada", color="#00ff00").ephemeral == ()
    (left,) = bench.do("leave_diagram", diagram_id="plan").ephemeral
    assert (left.name, left.data) == ("user.left", event.data)
    assert left.subject == event.subject == event.data["connection_id"], "of both only the newest need be told"
    assert bench.membership == {}
    assert bench.log == []


def test_disconnecting_says_user_left(bench: Bench) -> None:
    bench.do("join_diagram", diagram_id="plan")
    assert SERVICE.parted is not None
    left = SERVICE.parted("presence:plan", bench.membership["presence:plan"])
    assert (left.name, left.channels) == ("user.left", ("presence:plan",))
    assert left.data["diagram_id"] == "plan"
    assert left.data["user_id"] == "ada"
    assert left.data["user_info"]["name"] == "ada"


def test_cursor_is_only_said(bench: Bench) -> None:
    bench.do("join_diagram", diagram_id="plan", name="Ada")
    decision = bench.do("move_cursor", diagram_id="plan", position={"x": 1.5, "y": -2})
    (moved,) = decision.ephemeral
    assert decision.events == ()
    assert moved.channels == ("cursor:plan",)
    assert moved.data["position"] == {"x": 1.5, "y": -2.0}
    assert moved.data["user_info"]["name"] == "Ada"


def test_taken_id_is_a_conflict(bench: Bench) -> None:
    with pytest.raises(Conflict) as refusal:
        bench.do("create_diagram", diagram_id="plan")
    assert refusal.value.data == {"field": "diagram_id", "value": "plan"}


def test_id_is_made_when_none_is_given() -> None:
    bench = Bench(SERVICE)
    made = bench.do("create_diagram").answer["diagram_id"]
    assert bench.ask("get_diagram", diagram_id=made)["elements"] == []


@pytest.mark.parametrize(
    "request_name", ["update_diagram", "delete_diagram", "move_cursor", "join_diagram", "leave_diagram"]
)
def test_commands_on_an_unknown_diagram_are_not_found(bench: Bench, request_name: str) -> None:
    more: dict[str, dict[str, Any]] = {
        "update_diagram": {"elements": []},
        "move_cursor": {"position": {"x": 0, "y": 0}},
    }
    with pytest.raises(NotFound):
        bench.do(request_name, diagram_id="unheard-of", **more.get(request_name, {}))


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
def test_element_that_cannot_merge_is_refused(bench: Bench, wrong: Element) -> None:
    with pytest.raises(InvalidData) as refusal:
        bench.do("update_diagram", diagram_id="plan", elements=[element("b"), wrong])
    assert refusal.value.data == {"field": "elements[1]"}
    assert len(bench.log) == 1


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
def test_malformed_input_is_refused(bench: Bench, command: str, data: dict[str, Any]) -> None:
    with pytest.raises(InvalidData):
        bench.do(command, **data)


def test_a_diagram_has_room_for_so_many_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "MOST_ELEMENTS", 2)
    bench = Bench(SERVICE)
    bench.do("create_diagram", diagram_id="d", elements=[element("a"), element("b")])
    refusal = bench.refused(LimitExceeded, "update_diagram", diagram_id="d", elements=[element("c")])
    assert refusal.data == {"field": "elements", "limit": 2}
    bench.do("update_diagram", diagram_id="d", elements=[element("a", version=2)])
