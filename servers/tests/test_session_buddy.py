"""Sessions keep where they stood, knowledge is found by its words whatever is typed, skills are counted."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bodhisattva.servers.core.errors import Conflict, InvalidData, NotFound
from bodhisattva.servers.session_buddy.service import SERVICE
from bodhisattva.servers.tests.bench import Bench, Script, command


@pytest.fixture
def bench() -> Bench:
    bench = Bench(SERVICE)
    bench.do("create_session", session_id="s", project="atlas", metadata={"branch": "main", "open": True})
    return bench


# Sessions


def test_a_session_keeps_where_it_stood(bench: Bench) -> None:
    bench.do("checkpoint_session", session_id="s", checkpoint_id="c1", context={"file": "a.py"})
    bench.do("checkpoint_session", session_id="s", note="halfway", context={"file": "b.py"})
    session = bench.ask("get_session", session_id="s")
    assert [each["note"] for each in session["checkpoints"]] == ["Checkpoint 1", "halfway"]
    checkpoint = bench.ask("get_checkpoint", session_id="s", checkpoint_id="c1")
    assert (checkpoint["number"], checkpoint["context"]) == (1, {"file": "a.py"})


def test_an_update_merges_metadata_and_null_removes(bench: Bench) -> None:
    (event,) = bench.do("update_session", session_id="s", metadata={"open": None, "ticket": 7}).events
    assert (event.name, event.channels) == ("session.updated", ("session:s",))
    session = bench.ask("get_session", session_id="s")
    assert session["metadata"] == {"branch": "main", "ticket": 7}
    assert session["title"] == "atlas"


def test_a_closed_session_changes_no_more(bench: Bench) -> None:
    bench.wait(90)
    (event,) = bench.do("close_session", session_id="s", summary="done").events
    assert (event.name, event.data["duration_seconds"]) == ("session.closed", 90.0)
    assert bench.ask("get_session", session_id="s")["status"] == "closed"
    bench.refused(Conflict, "update_session", session_id="s", title="x")
    bench.refused(Conflict, "checkpoint_session", session_id="s")
    bench.refused(Conflict, "close_session", session_id="s")


def test_session_commands_are_refused(bench: Bench) -> None:
    bench.do("checkpoint_session", session_id="s", checkpoint_id="c")
    bench.refused(Conflict, "create_session", session_id="s", project="x")
    bench.refused(InvalidData, "create_session", session_id="with space", project="x")
    bench.refused(InvalidData, "create_session")
    bench.refused(InvalidData, "update_session", session_id="s")
    bench.refused(NotFound, "update_session", session_id="x", title="x")
    bench.refused(Conflict, "checkpoint_session", session_id="s", checkpoint_id="c")
    bench.refused(NotFound, "checkpoint_session", session_id="x")
    bench.refused(NotFound, "close_session", session_id="x")


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
def test_what_does_not_exist_is_not_found(bench: Bench, query: str, data: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        bench.ask(query, **data)


def test_sessions_are_listed_page_by_page(bench: Bench) -> None:
    for number in range(4):
        bench.do("create_session", session_id=f"t{number}", project="other")
    bench.do("close_session", session_id="t2")
    first = bench.ask("list_sessions", project="other", limit=3)
    assert [each["session_id"] for each in first["sessions"]] == ["t0", "t1", "t2"]
    rest = bench.ask("list_sessions", project="other", after=first["next"])
    assert ([each["session_id"] for each in rest["sessions"]], rest["next"]) == (["t3"], None)
    closed = bench.ask("list_sessions", status="closed")["sessions"]
    assert [each["session_id"] for each in closed] == ["t2"]


# Knowledge


def capture(bench: Bench, knowledge_id: str, content: str, **more: Any) -> None:
    bench.do("capture_knowledge", knowledge_id=knowledge_id, content=content, **more)


def found(bench: Bench, query: str, **more: Any) -> list[str]:
    results = bench.ask("search_knowledge", query=query, **more)["results"]
    return [result["knowledge_id"] for result in results]


def test_better_matches_come_first(bench: Bench) -> None:
    capture(bench, "aside", "Of many things: rivers, roads, a cache, houses, trees and their shade", title="Notes")
    capture(bench, "topic", "How the cache expires: each cache entry has an age", title="Cache expiry")
    capture(bench, "other", "Nothing of the kind", title="Else")
    answer = bench.ask("search_knowledge", query="cache expiry")
    first, second = answer["results"]
    assert (first["knowledge_id"], second["knowledge_id"], answer["total"]) == ("topic", "aside", 2)
    assert first["score"] > second["score"]
    assert "[cache]" in second["snippet"]
    assert found(bench, "cache expiry", limit=1) == ["topic"]
    assert bench.ask("search_knowledge", query="cache", limit=1)["total"] == 2


def test_words_are_found_in_other_forms(bench: Bench) -> None:
    capture(bench, "k", "Die Größe of café caches")
    for query in ("caching", "CAFE", "größe"):
        assert found(bench, query) == ["k"]


@pytest.mark.parametrize("query", ['"', "'", "*", "(", "a NEAR(b", "AND", "title:", "-", "^k", "\0", "_", "a\0b"])
def test_query_language_in_the_text_means_nothing(bench: Bench, query: str) -> None:
    capture(bench, "k", "nothing that those would find")
    assert found(bench, query) == []


@given(st.text(min_size=1, max_size=1000))
@example(" ".join(f"w{number}" for number in range(200)))
def test_any_text_can_be_searched(query: str) -> None:
    bench = Bench(SERVICE)
    capture(bench, "k", "some content")
    bench.ask("search_knowledge", query=query)


@given(st.text(alphabet=st.characters(categories=["Ll", "Lu", "Nd"], max_codepoint=0x17F), min_size=1, max_size=20))
def test_what_was_captured_is_found_by_its_own_word(word: str) -> None:
    bench = Bench(SERVICE)
    capture(bench, "k", f"before {word} after")
    assert found(bench, word) == ["k"]


def test_a_search_can_be_shown_to_others(bench: Bench) -> None:
    capture(bench, "k", "cache")
    decision = bench.do("publish_search", query="cache")
    (event,) = decision.events
    assert (event.name, event.channels) == ("knowledge.search_result", ("knowledge",))
    assert [result["knowledge_id"] for result in event.data["results"]] == ["k"]
    assert decision.answer["total"] == 1


def test_captured_knowledge_can_be_read_whole(bench: Bench) -> None:
    capture(bench, "k", "A long story.", tags=["tale"], session_id="s")
    knowledge = bench.ask("get_knowledge", knowledge_id="k")
    assert (knowledge["title"], knowledge["content"]) == ("A long story.", "A long story.")
    assert (knowledge["session_id"], knowledge["source"]) == ("s", None)
    assert found(bench, "tale") == ["k"]


def test_knowledge_commands_are_refused(bench: Bench) -> None:
    capture(bench, "k", "x")
    bench.refused(Conflict, "capture_knowledge", knowledge_id="k", content="x")
    bench.refused(NotFound, "capture_knowledge", session_id="x", content="x")
    bench.refused(InvalidData, "capture_knowledge", content="")
    bench.refused(InvalidData, "publish_search", query="")
    bench.refused(InvalidData, "publish_search", query="x", limit=101)


def test_a_completed_workflow_is_captured_once(bench: Bench) -> None:
    completed = {"workflow_id": "w", "result": {"outcome": "kiln fired"}, "prompt": "Fire the kiln"}
    (event,) = bench.hear("mahavishnu", "workflow.completed", **completed).events
    assert event.name == "knowledge.captured"
    assert event.data["source"] == {
        "service": "mahavishnu",
        "event": "workflow.completed",
        "workflow_id": "w",
    }
    assert bench.hear("mahavishnu", "workflow.completed", **completed).events == ()
    assert bench.hear("mahavishnu", "workflow.failed", workflow_id="v", error="x").events == ()
    assert found(bench, "kiln") == [event.data["knowledge_id"]]


def test_the_protocols_least_is_enough_for_a_workflow_to_be_captured(bench: Bench) -> None:
    (event,) = bench.hear("mahavishnu", "workflow.completed", workflow_id="w", result="plain words").events
    assert (event.data["title"], event.data["content"]) == ("Workflow w", "plain words")
    with pytest.raises(InvalidData):
        bench.hear("mahavishnu", "workflow.completed", result="of nothing")


# Skills


def test_skills_are_counted(bench: Bench) -> None:
    bench.do("record_skill", skill_name="review", success=True, duration_seconds=2.0, session_id="s")
    (event,) = bench.do("record_skill", skill_name="review", success=False, duration_seconds=4).events
    assert (event.name, event.channels) == ("skill.metrics", ("skills",))
    metrics = bench.ask("get_skill_metrics", skill_name="review")
    assert metrics["total_invocations"] == 2
    assert metrics["completion_rate"] == 0.5
    assert metrics["avg_duration_seconds"] == 3.0
    assert (metrics["min_duration_seconds"], metrics["max_duration_seconds"]) == (2.0, 4.0)
    assert (metrics["failed_invocations"], metrics["total_duration_seconds"]) == (1, 6.0)
    assert bench.ask("get_skill_metrics") == {"skills": [metrics], "next": None}


def test_skill_commands_are_refused(bench: Bench) -> None:
    bench.refused(InvalidData, "record_skill", skill_name="review", success=True, duration_seconds=-1)
    bench.refused(InvalidData, "record_skill", skill_name="review", success="yes", duration_seconds=1)
    unknown = {"skill_name": "review", "success": True, "duration_seconds": 1, "session_id": "x"}
    bench.refused(NotFound, "record_skill", **unknown)


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
    bench = Bench(SERVICE).play(script)
    before = bench.ask("search_knowledge", query="red fox")
    assert bench.replayed() == bench.state
    bench.state = bench.replayed()
    assert bench.ask("search_knowledge", query="red fox") == before
