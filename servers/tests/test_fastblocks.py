"""The state tree compares before it sets, and rendered components never let a prop become markup."""

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.errors import Conflict, InvalidData, LimitExceeded, NotFound
from bodhisattva.servers.fastblocks import domain
from bodhisattva.servers.fastblocks.render import render
from bodhisattva.servers.fastblocks.service import SERVICE
from bodhisattva.servers.tests.harness import Harness

keys = st.sampled_from("abc")
paths = st.lists(keys, min_size=1, max_size=3).map(".".join)
values = st.recursive(
    st.none() | st.integers(0, 9) | st.lists(st.integers(0, 9), max_size=2),
    lambda below: st.dictionaries(keys, below, max_size=2),
    max_leaves=4,
)
writes = st.lists(st.tuples(paths, values), max_size=8)


@pytest.fixture
def harness() -> Harness:
    return Harness(SERVICE)


def read(harness: Harness, path: str) -> tuple[Any, int] | None:
    try:
        answer = harness.query("get_state", state_path=path)
    except NotFound:
        return None
    return answer["value"], answer["version"]


def put(document: dict[str, Any], path: str, value: Any) -> bool:
    """Set the value in a plain document; False if a leaf stands above it."""
    *above, last = path.split(".")
    for key in above:
        inner = document.setdefault(key, {})
        if not isinstance(inner, dict):
            return False
        document = inner
    document[last] = value
    return True


def has_leaf_above(harness: Harness, path: str) -> bool:
    parts = path.split(".")
    held = [read(harness, ".".join(parts[:depth])) for depth in range(1, len(parts))]
    return any(found is not None and not isinstance(found[0], dict) for found in held)


@given(writes)
def test_the_tree_has_the_value_of_a_plain_document(sequence: list[tuple[str, Any]]) -> None:
    harness, document = Harness(SERVICE), dict[str, Any]()
    for path, value in sequence:
        if has_leaf_above(harness, path):
            with pytest.raises(Conflict):
                harness.execute("set_state", state_path=path, value=value)
        else:
            harness.execute("set_state", state_path=path, value=value)
            assert put(document, path, value)
    for key in "abc":
        found = read(harness, key)
        assert (found[0] if found else ...) == document.get(key, ...)
    assert harness.replayed() == harness.state


@given(writes)
def test_a_version_never_names_two_values(sequence: list[tuple[str, Any]]) -> None:
    harness = Harness(SERVICE)
    seen: dict[tuple[str, int], Any] = {}
    for path, value in sequence:
        if not has_leaf_above(harness, path):
            harness.execute("set_state", state_path=path, value=value)
        for watched in ("a", "b", "a.a", "a.b", "a.a.a"):
            found = read(harness, watched)
            if found is not None:
                held, version = found
                assert seen.setdefault((watched, version), held) == held


@given(writes, paths, st.integers(2, 5))
def test_of_writers_that_expect_the_same_version_one_wins(
    sequence: list[tuple[str, Any]], path: str, writers: int
) -> None:
    harness = Harness(SERVICE)
    for before, value in [*sequence, (path, 0)]:
        if not has_leaf_above(harness, before):
            harness.execute("set_state", state_path=before, value=value)
    found = read(harness, path)
    if found is None:
        return
    won = []
    for writer in range(writers):
        try:
            harness.execute("set_state", state_path=path, value=writer, expected_version=found[1])
            won.append(writer)
        except Conflict:
            continue
    assert won == [0]
    assert read(harness, path) == (0, found[1] + 1)


def test_a_value_is_read_back_with_versions_from_one(harness: Harness) -> None:
    decision = harness.execute("set_state", state_path="app.theme", value="dark", expected_version=0)
    (changed,) = decision.events
    assert (changed.name, changed.channels) == ("state.changed", ("state",))
    assert changed.data["state_path"] == "app.theme"
    assert changed.data["new_value"] == "dark"
    assert changed.data["version"] == 1
    assert read(harness, "app.theme") == ("dark", 1)
    harness.execute("set_state", state_path="app.theme", value=None)
    assert read(harness, "app.theme") == (None, 2)


def test_a_version_conflict_has_the_expected_and_the_actual_version(harness: Harness) -> None:
    harness.execute("set_state", state_path="count", value=1)
    harness.execute("set_state", state_path="count", value=2)
    with pytest.raises(Conflict) as refusal:
        harness.execute("set_state", state_path="count", value=9, expected_version=1)
    assert refusal.value.data == {"state_path": "count", "expected": 1, "actual": 2}
    with pytest.raises(Conflict) as refusal:
        harness.execute("set_state", state_path="count", value=9, expected_version=0)
    assert refusal.value.data["actual"] == 2
    assert read(harness, "count") == (2, 2)


def test_a_version_expected_of_an_absent_node_is_a_conflict(harness: Harness) -> None:
    with pytest.raises(Conflict) as refusal:
        harness.execute("set_state", state_path="count", value=9, expected_version=1)
    assert refusal.value.data["actual"] == 0


def test_a_change_raises_the_versions_of_the_nodes_above(harness: Harness) -> None:
    harness.execute("set_state", state_path="app", value={"theme": "dark"})
    harness.execute("set_state", state_path="app.theme", value="light")
    assert read(harness, "app") == ({"theme": "light"}, 2)
    with pytest.raises(Conflict):
        harness.execute("set_state", state_path="app", value={}, expected_version=1)


def test_a_replaced_subtree_raises_the_versions_of_the_nodes_below(harness: Harness) -> None:
    harness.execute("set_state", state_path="app", value={"theme": "dark", "size": 1})
    harness.execute("set_state", state_path="app", value={"theme": "dark"})
    assert read(harness, "app.theme") == ("dark", 2)
    assert read(harness, "app.size") is None


def test_a_removed_node_is_absent_and_keeps_its_version(harness: Harness) -> None:
    harness.execute("set_state", state_path="app.size", value=1)
    harness.execute("set_state", state_path="app", value={})
    harness.execute("set_state", state_path="app.size", value=2, expected_version=0)
    assert read(harness, "app.size") == (2, 2)


def test_a_leaf_above_the_path_is_a_conflict(harness: Harness) -> None:
    harness.execute("set_state", state_path="app.theme", value="dark")
    with pytest.raises(Conflict) as refusal:
        harness.execute("set_state", state_path="app.theme.hue.deep", value=1)
    assert refusal.value.data == {"state_path": "app.theme.hue.deep", "blocked_by": "app.theme"}


def test_deleted_state_is_not_found_and_its_versions_go_on(harness: Harness) -> None:
    harness.execute("set_state", state_path="app", value={"theme": {"hue": 1}, "size": 2})
    stale = harness.refused(Conflict, "delete_state", state_path="app.theme", expected_version=2)
    assert stale.data == {"state_path": "app.theme", "expected": 2, "actual": 1}
    (changed,) = harness.execute("delete_state", state_path="app.theme", expected_version=1).events
    assert (changed.name, changed.channels) == ("state.changed", ("state",))
    assert (changed.data["new_value"], changed.data["deleted"], changed.data["version"]) == (None, True, 2)
    assert read(harness, "app") == ({"size": 2}, 2)
    assert (read(harness, "app.theme"), read(harness, "app.theme.hue")) == (None, None)
    harness.refused(NotFound, "delete_state", state_path="app.theme")
    assert harness.execute("set_state", state_path="app.theme", value=None, expected_version=0).answer["version"] == 3
    assert harness.replayed() == harness.state


@pytest.mark.parametrize("value", [2**63, 2**64, -(2**63) - 1, {"a": [1, {"b": 10**4000}], "c": -(10**100)}])
def test_integers_of_any_size_are_kept(harness: Harness, value: Any) -> None:
    """One that does not fit into 64 bits made every snapshot fail, and the log grew for ever."""
    harness.execute("set_state", state_path="a", value=value)
    harness.execute("set_state", state_path="b", value={"list": [1, 2.5, None]})
    assert harness.replayed(kept=0) == harness.state
    assert harness.query("get_state", state_path="a")["value"] == value


def test_the_limit_of_the_tree_counts_removed_nodes(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "MOST_NODES", 4)
    harness.execute("set_state", state_path="a", value={"b": 1, "c": {"d": 2}})
    harness.execute("delete_state", state_path="a")
    refusal = harness.refused(LimitExceeded, "set_state", state_path="a.e", value=1)
    assert refusal.data == {"field": "value", "limit": 4}
    harness.execute("set_state", state_path="a.c", value={"d": [{"not": "a node"}]})
    assert harness.state.size == 4 == harness.state.tree.size()


@given(writes)
def test_the_counted_size_is_that_of_the_tree(sequence: list[tuple[str, Any]]) -> None:
    harness = Harness(SERVICE)
    for path, value in sequence:
        if not has_leaf_above(harness, path):
            harness.execute("set_state", state_path=path, value=value)
        if read(harness, "a.b") is not None:
            harness.execute("delete_state", state_path="a.b")
        assert harness.state.size == harness.state.tree.size()


@given(writes, paths)
def test_each_change_raises_the_version_by_one(sequence: list[tuple[str, Any]], watched: str) -> None:
    harness = Harness(SERVICE)
    before = 0
    for path, value in [*sequence, (watched, 1), (watched, 2)]:
        if has_leaf_above(harness, path):
            continue
        decision = harness.execute("set_state", state_path=path, value=value)
        found = read(harness, watched)
        if path == watched:
            assert found is not None
            assert decision.answer["version"] == found[1] == before + 1
        before = found[1] if found else before


def test_unknown_state_is_not_found(harness: Harness) -> None:
    with pytest.raises(NotFound) as refusal:
        harness.query("get_state", state_path="nowhere")
    assert refusal.value.data == {"field": "state_path", "value": "nowhere"}


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", "a b", "a\n", ".".join("a" * 17)])
def test_malformed_path_is_refused(harness: Harness, path: str) -> None:
    with pytest.raises(InvalidData):
        harness.execute("set_state", state_path=path, value=1)


PROPS: dict[str, dict[str, Any]] = {
    "text": {"text": "hello"},
    "status": {"label": "Build", "status": "running", "detail": "compiling", "done": 1, "total": 3},
    "card": {"title": "News", "body": "None", "footer": "today"},
    "list": {"title": "To do", "items": ["one", "two"]},
    "progress": {"label": "Copied", "value": 3, "maximum": 4},
}


class Markup(HTMLParser):
    """The tags, attributes and text that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("component_type", PROPS)
def test_a_component_renders_its_props(harness: Harness, component_type: str) -> None:
    props = PROPS[component_type]
    decision = harness.execute("render_component", component_id="x", component_type=component_type, props=props)
    rendered = decision.events[0]
    assert (rendered.name, rendered.channels) == ("component.rendered", ("component:x",))
    html = rendered.data["html"]
    assert html.startswith(f'<div id="x" class="component {component_type}"')
    for shown in props.values():
        for text in shown if isinstance(shown, list) else [shown]:
            assert str(text) in html
    status = harness.query("get_component_status", component_id="x")
    assert (status["html"], status["version"], status["props"]) == (html, 1, props)


@given(st.text(max_size=50) | st.sampled_from(["<script>alert(1)</script>", "</p><img onerror=x>", '"><b>']))
def test_no_prop_becomes_markup(text: str) -> None:
    plain = Markup(render("x", "card", {"title": "a", "body": "b", "footer": "c"}))
    hostile = Markup(render("x", "card", {"title": text, "body": text, "footer": text}))
    assert (hostile.tags, hostile.attributes) == (plain.tags, plain.attributes)
    assert hostile.text == text * 3


def test_a_progress_bar_is_at_most_full() -> None:
    assert '<progress value="4" max="4">' in render("x", "progress", {"label": "", "value": 9, "maximum": 4})


def test_removed_props_and_former_pages_are_announced_too(harness: Harness) -> None:
    card = {"component_id": "x", "component_type": "card"}
    harness.execute("render_component", **card, page="home", props={"title": "News", "footer": "Today"})
    moved = harness.execute("render_component", **card, page="archive", props={"title": "News"})
    updated = moved.events[1]
    assert set(updated.channels) == {"ui:x", "ui:home", "ui:archive"}
    assert (updated.data["page"], updated.data["changed_props"]) == ("archive", {"footer": None})
    taken_off = harness.execute("render_component", **card, props={"title": "News"}).events[1]
    assert (set(taken_off.channels), taken_off.data["page"]) == ({"ui:x", "ui:archive"}, None)


def test_an_update_keeps_other_props_and_is_announced_to_the_page(harness: Harness) -> None:
    harness.execute("render_component", component_id="x", component_type="card", page="home", props=PROPS["card"])
    decision = harness.execute("update_component", component_id="x", props={"title": "Old news"})
    rendered, updated = decision.events
    assert rendered.data["props"] == PROPS["card"] | {"title": "Old news"}
    assert "<h2>Old news</h2>" in decision.answer["html"]
    assert (updated.name, updated.channels) == ("ui.updated", ("ui:x", "ui:home"))
    assert updated.data["component_id"] == "x"
    assert updated.data["changed_props"] == {"title": "Old news"}
    assert updated.data["version"] == 2
    assert harness.replayed() == harness.state


def test_unknown_component_is_not_found(harness: Harness) -> None:
    with pytest.raises(NotFound):
        harness.execute("update_component", component_id="x", props={})
    with pytest.raises(NotFound):
        harness.query("get_component_status", component_id="x")


def test_unknown_type_names_the_known_ones(harness: Harness) -> None:
    with pytest.raises(InvalidData) as refusal:
        harness.execute("render_component", component_type="marquee", props={})
    assert refusal.value.data == {"field": "component_type", "expected": sorted(PROPS)}


@pytest.mark.parametrize("props", [{}, {"text": 1}, {"text": "a", "onclick": "x"}, {"text": "a" * 100_001}])
def test_wrong_props_are_refused(harness: Harness, props: dict[str, Any]) -> None:
    with pytest.raises(InvalidData) as refusal:
        harness.execute("render_component", component_type="text", props=props)
    assert refusal.value.data == {"field": "props", "expected": ["text"]}
    assert harness.log == []


def test_update_that_breaks_the_component_is_refused(harness: Harness) -> None:
    harness.execute("render_component", component_id="x", component_type="text", props=PROPS["text"])
    with pytest.raises(InvalidData):
        harness.execute("update_component", component_id="x", props={"text": None})
    assert harness.query("get_component_status", component_id="x")["version"] == 1


def follow(harness: Harness) -> dict[str, Any]:
    shown: dict[str, Any] = harness.query("get_component_status", component_id="workflow-w1")["props"]
    return shown


def test_status_component_follows_a_workflow(harness: Harness) -> None:
    harness.react("mahavishnu", "workflow.started", workflow_id="w1", adapter="local", prompt="x", total_stages=2)
    assert follow(harness) == {
        "label": "Workflow w1",
        "status": "running",
        "detail": "local",
        "done": 0,
        "total": 2,
    }
    harness.react("mahavishnu", "workflow.stage_completed", workflow_id="w1", stage_name="build", result={"a": 1})
    assert (follow(harness)["detail"], follow(harness)["done"]) == ("build", 1)
    harness.react("mahavishnu", "workflow.completed", workflow_id="w1", result="fine")
    assert (follow(harness)["status"], follow(harness)["detail"]) == ("completed", None)
    assert harness.log[-1].channels == ("ui:workflow-w1", "ui:workflows")
    assert harness.replayed() == harness.state


def test_failed_workflow_shows_its_error(harness: Harness) -> None:
    harness.react("mahavishnu", "workflow.failed", workflow_id="w1", error="<out of memory>" * 100)
    assert follow(harness)["status"] == "failed"
    assert follow(harness)["detail"].startswith("<out of memory>")
    html = harness.query("get_component_status", component_id="workflow-w1")["html"]
    assert "&lt;out of memory&gt;" in html


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("worker.status_changed", {"worker_id": "a", "workflow_id": "w1"}),
        ("workflow.started", {"adapter": "no id"}),
        ("workflow.started", {"workflow_id": 7}),
    ],
)
def test_other_events_change_nothing(harness: Harness, name: str, data: dict[str, Any]) -> None:
    assert harness.react("mahavishnu", name, **data).events == ()


def test_a_workflow_whose_id_is_not_valid_for_a_component_has_one(harness: Harness) -> None:
    decision = harness.react("mahavishnu", "workflow.started", workflow_id="w" * 200, total_stages=-1)
    assert len(decision.answer["component_id"]) <= 200
