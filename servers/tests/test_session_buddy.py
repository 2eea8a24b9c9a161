"""Sessions keep where they stood, knowledge is found by its words whatever is typed, skills are counted."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bodhisattva.servers.core.errors import Conflict, InvalidData, NotFound
from bodhisattva.servers.session_buddy.service import SERVICE
from bodhisattva.servers.tests.harness import Harness, Script, command


@pytest.fixture
def harness() -> Harness:
    harness = Harness(SERVICE)
    harness.execute("create_session", session_id="s", project="atlas", metadata={"branch": "main", "open": True})
    return harness


# Sessions


def test_a_session_keeps_its_checkpoints(harness: Harness) -> None:
    harness.execute("checkpoint_session", session_id="s", checkpoint_id="c1", context={"file": "a.py"})
    harness.execute("checkpoint_session", session_id="s", note="halfway", context={"file": "b.py"})
    session = harness.query("get_session", session_id="s")
    assert [each["note"] for each in session["checkpoints"]] == ["Checkpoint 1", "halfway"]
    checkpoint = harness.query("get_checkpoint", session_id="s", checkpoint_id="c1")
    assert (checkpoint["number"], checkpoint["context"]) == (1, {"file": "a.py"})


def test_an_update_merges_metadata_and_null_removes(harness: Harness) -> None:
    (event,) = harness.execute("update_session", session_id="s", metadata={"open": None, "ticket": 7}).events
    assert (event.name, event.channels) == ("session.updated", ("session:s",))
    session = harness.query("get_session", session_id="s")
    assert session["metadata"] == {"branch": "main", "ticket": 7}
    assert session["title"] == "atlas"


def test_a_closed_session_does_not_change(harness: Harness) -> None:
    harness.advance(90)
    (event,) = harness.execute("close_session", session_id="s", summary="done").events
    assert (event.name, event.data["duration_seconds"]) == ("session.closed", 90.0)
    assert harness.query("get_session", session_id="s")["status"] == "closed"
    harness.refused(Conflict, "update_session", session_id="s", title="x")
    harness.refused(Conflict, "checkpoint_session", session_id="s")
    harness.refused(Conflict, "close_session", session_id="s")


def test_session_commands_are_refused(harness: Harness) -> None:
    harness.execute("checkpoint_session", session_id="s", checkpoint_id="c")
    harness.refused(Conflict, "create_session", session_id="s", project="x")
    harness.refused(InvalidData, "create_session", session_id="with space", project="x")
    harness.refused(InvalidData, "create_session")
    harness.refused(InvalidData, "update_session", session_id="s")
    harness.refused(NotFound, "update_session", session_id="x", title="x")
    harness.refused(Conflict, "checkpoint_session", session_id="s", checkpoint_id="c")
    harness.refused(NotFound, "checkpoint_session", session_id="x")
    harness.refused(NotFound, "close_session", session_id="x")


@pytest.mark.parametrize(
    ("query", "data"),
    [
        ("get_session", {"session_id": "x"}),
        ("get_checkpoint", {"session_id": "s", "checkpoint_id": "x"}),
        ("get_checkpoint", {"session_id": "x", "checkpoint_id": "x"}),
        ("get_knowledge", {"knowledge_id": "x"}),
        ("get_skill_metrics", {"skill_name": "x"}),
    ],
)
def test_unknown_names_are_not_found(harness: Harness, query: str, data: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        harness.query(query, **data)


def test_sessions_are_listed_page_by_page(harness: Harness) -> None:
    for number in range(4):
        harness.execute("create_session", session_id=f"t{number}", project="other")
    harness.execute("close_session", session_id="t2")
    first = harness.query("list_sessions", project="other", limit=3)
    assert [each["session_id"] for each in first["sessions"]] == ["t0", "t1", "t2"]
    rest = harness.query("list_sessions", project="other", after=first["next"])
    assert ([each["session_id"] for each in rest["sessions"]], rest["next"]) == (["t3"], None)
    closed = harness.query("list_sessions", status="closed")["sessions"]
    assert [each["session_id"] for each in closed] == ["t2"]


# Knowledge


def capture(harness: Harness, knowledge_id: str, content: str, **more: Any) -> None:
    harness.execute("capture_knowledge", knowledge_id=knowledge_id, content=content, **more)


def found(harness: Harness, query: str, **more: Any) -> list[str]:
    results = harness.query("search_knowledge", query=query, **more)["results"]
    return [result["knowledge_id"] for result in results]


def test_better_matches_come_first(harness: Harness) -> None:
    capture(harness, "aside", "Of many things: rivers, roads, a cache, houses, trees and their shade", title="Notes")
    capture(harness, "topic", "How the cache expires: each cache entry has an age", title="Cache expiry")
    capture(harness, "other", "Nothing of the kind", title="Else")
    answer = harness.query("search_knowledge", query="cache expiry")
    first, second = answer["results"]
    assert (first["knowledge_id"], second["knowledge_id"], answer["total"]) == ("topic", "aside", 2)
    assert first["score"] > second["score"]
    assert "[cache]" in second["snippet"]
    assert found(harness, "cache expiry", limit=1) == ["topic"]
    assert harness.query("search_knowledge", query="cache", limit=1)["total"] == 2


def test_words_are_found_in_other_forms(harness: Harness) -> None:
    capture(harness, "k", "Die Größe of café caches")
    for query in ("caching", "CAFE", "größe"):
        assert found(harness, query) == ["k"]


@pytest.mark.parametrize("query", ['"', "'", "*", "(", "a NEAR(b", "AND", "title:", "-", "^k", "\0", "_", "a\0b"])
def test_fts5_operators_in_the_text_are_ignored(harness: Harness, query: str) -> None:
    capture(harness, "k", "nothing that those would find")
    assert found(harness, query) == []


@given(st.text(min_size=1, max_size=1000))
@example(" ".join(f"w{number}" for number in range(200)))
def test_any_text_can_be_searched(query: str) -> None:
    harness = Harness(SERVICE)
    capture(harness, "k", "some content")
    harness.query("search_knowledge", query=query)


@given(st.text(alphabet=st.characters(categories=["Ll", "Lu", "Nd"], max_codepoint=0x17F), min_size=1, max_size=20))
def test_knowledge_is_found_by_its_own_words(word: str) -> None:
    harness = Harness(SERVICE)
    capture(harness, "k", f"before {word} after")
    assert found(harness, word) == ["k"]


def test_a_search_result_can_be_published(harness: Harness) -> None:
    capture(harness, "k", "cache")
    decision = harness.execute("publish_search", query="cache")
    (event,) = decision.events
    assert (event.name, event.channels) == ("knowledge.search_result", ("knowledge",))
    assert [result["knowledge_id"] for result in event.data["results"]] == ["k"]
    assert decision.answer["total"] == 1


def test_captured_knowledge_can_be_read_whole(harness: Harness) -> None:
    capture(harness, "k", "A long story.", tags=["tale"], session_id="s")
    knowledge = harness.query("get_knowledge", knowledge_id="k")
    assert (knowledge["title"], knowledge["content"]) == ("A long story.", "A long story.")
    assert (knowledge["session_id"], knowledge["source"]) == ("s", None)
    assert found(harness, "tale") == ["k"]


def test_knowledge_commands_are_refused(harness: Harness) -> None:
    capture(harness, "k", "x")
    harness.refused(Conflict, "capture_knowledge", knowledge_id="k", content="x")
    harness.refused(NotFound, "capture_knowledge", session_id="x", content="x")
    harness.refused(InvalidData, "capture_knowledge", content="")
    harness.refused(InvalidData, "publish_search", query="")
    harness.refused(InvalidData, "publish_search", query="x", limit=101)


def test_a_completed_workflow_is_captured_once(harness: Harness) -> None:
    completed = {"workflow_id": "w", "result": {"outcome": "kiln fired"}, "prompt": "Fire the kiln"}
    (event,) = harness.react("mahavishnu", "workflow.completed", **completed).events
    assert event.name == "knowledge.captured"
    assert event.data["source"] == {
        "service": "mahavishnu",
        "event": "workflow.completed",
        "workflow_id": "w",
    }
    assert harness.react("mahavishnu", "workflow.completed", **completed).events == ()
    assert harness.react("mahavishnu", "workflow.failed", workflow_id="v", error="x").events == ()
    assert found(harness, "kiln") == [event.data["knowledge_id"]]


def test_the_required_fields_of_the_event_are_enough_to_capture_a_workflow(harness: Harness) -> None:
    (event,) = harness.react("mahavishnu", "workflow.completed", workflow_id="w", result="plain words").events
    assert (event.data["title"], event.data["content"]) == ("Workflow w", "plain words")
    with pytest.raises(InvalidData):
        harness.react("mahavishnu", "workflow.completed", result="of nothing")


# Skills


def test_skills_are_counted(harness: Harness) -> None:
    harness.execute("record_skill", skill_name="review", success=True, duration_seconds=2.0, session_id="s")
    (event,) = harness.execute("record_skill", skill_name="review", success=False, duration_seconds=4).events
    assert (event.name, event.channels) == ("skill.metrics", ("skills",))
    metrics = harness.query("get_skill_metrics", skill_name="review")
    assert metrics["total_invocations"] == 2
    assert metrics["completion_rate"] == 0.5
    assert metrics["avg_duration_seconds"] == 3.0
    assert (metrics["min_duration_seconds"], metrics["max_duration_seconds"]) == (2.0, 4.0)
    assert (metrics["failed_invocations"], metrics["total_duration_seconds"]) == (1, 6.0)
    assert harness.query("get_skill_metrics") == {"skills": [metrics], "next": None}


def test_skill_commands_are_refused(harness: Harness) -> None:
    harness.refused(InvalidData, "record_skill", skill_name="review", success=True, duration_seconds=-1)
    harness.refused(InvalidData, "record_skill", skill_name="review", success="yes", duration_seconds=1)
    unknown = {"skill_name": "review", "success": True, "duration_seconds": 1, "session_id": "x"}
    harness.refused(NotFound, "record_skill", **unknown)


# Whatever is done, in whatever order

ids = st.sampled_from("ab")
metadata = st.dictionaries(ids, st.none() | st.integers(0, 2))


commands = st.one_of(
    command("create_session", session_id=ids, project=ids, metadata=metadata),
    command("update_session", session_id=ids, title=ids, metadata=metadata),
    command("checkpoint_session", session_id=ids, context=metadata),
    command("close_session", session_id=ids),
    command("capture_knowledge", knowledge_id=ids, content=st.sampled_from(["red fox", "red hen", "grey fox"])),
    command("publish_search", query=st.sampled_from(["red", "fox"])),
    command("record_skill", skill_name=ids, success=st.booleans(), duration_seconds=st.sampled_from([0.1, 0.2, 3])),
)


@given(st.lists(commands, max_size=20))
def test_replaying_the_log_gives_the_same_state_and_the_same_search(script: Script) -> None:
    harness = Harness(SERVICE).run(script)
    before = harness.query("search_knowledge", query="red fox")
    assert harness.replayed() == harness.state
    harness.state = harness.replayed()
    assert harness.query("search_knowledge", query="red fox") == before
