"""Searching knowledge: phrases, beginnings, any script, filters, pages, and a ranking that can be followed."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.errors import InvalidData, LimitExceeded, Unavailable
from bodhisattva.servers.session_buddy import search
from bodhisattva.servers.session_buddy.service import SERVICE
from bodhisattva.servers.tests.harness import START, Harness


@pytest.fixture
def harness() -> Harness:
    harness = Harness(SERVICE)
    for session in ("s", "t"):
        harness.execute("create_session", session_id=session, project="atlas")
    return harness


def capture(harness: Harness, knowledge_id: str, content: str, **more: Any) -> None:
    harness.execute("capture_knowledge", knowledge_id=knowledge_id, content=content, title=knowledge_id, **more)


def found(harness: Harness, query: str, **more: Any) -> list[str]:
    results = harness.query("search_knowledge", query=query, **more)["results"]
    return [result["knowledge_id"] for result in results]


def test_a_phrase_is_required_and_other_words_only_rank(harness: Harness) -> None:
    capture(harness, "apart", "The kiln is cold and the door is hot")
    capture(harness, "plain", "A hot kiln glows")
    capture(harness, "glazed", "A hot kiln melts the glaze, and glaze drips from glaze")
    assert found(harness, '"hot kiln" glaze') == ["glazed", "plain"]
    assert found(harness, '"hot kiln" "glaze drips"') == ["glazed"]
    assert set(found(harness, "hot kiln")) == {"apart", "plain", "glazed"}
    assert found(harness, '"kiln hot"') == []


def test_a_prefix_with_a_star_is_found(harness: Harness) -> None:
    capture(harness, "k", "We were caching the Größe")
    for query in ("cach*", "cachi*", "CACHING*", "groß*", "gro*", "were*"):
        assert found(harness, query) == ["k"], query
    for query in ("cachi", "chi*", "x*", "*"):
        assert found(harness, query) == [], query


@pytest.mark.parametrize(
    ("content", "queries"),
    [
        ("raise retry_count to 3", ["coun*", "retry_c*", "RETRY*"]),
        ("write to user@example.com by e-mail", ["exam*", "user@exam*", "e-ma*", "e-mail*"]),
        ("re\u0301sume\u0301 of the day", ["resu*", "résu*", "re\u0301su*", "résumé"]),
    ],
)
def test_prefixes_match_at_the_index_s_word_boundaries(harness: Harness, content: str, queries: list[str]) -> None:
    capture(harness, "k", content)
    capture(harness, "other", "nothing of the kind, user or e or mail")
    for query in queries:
        assert found(harness, query) == ["k"], query
    assert found(harness, "___") == found(harness, "user@mail*") == []


@pytest.mark.parametrize(
    ("content", "queries"),
    [
        ("Redisの設定はv7で変わる", ["redis", "設定", "v7", "red*", '"Redisの設定"']),
        ("用Docker部署", ["docker", "部署", "dock*"]),
        ("知識は検索で見つかる", ["検索", "知識", '"見つかる"', "検*"]),
        ("搜索引擎很快", ["引擎", "很快"]),
        ("การค้นหาความรู้", ["ค้นหา"]),
        ("Поиск знаний", ["знаний", "ЗНАНИЙ", "зна*"]),
        ("البحث عن المعرفة", ["المعرفة"]),
        ("हिन्दी में खोज", ["हिन्दी", "खोज"]),
        ("Tìm kiếm", ["tim", "kiếm"]),
    ],
)
def test_every_script_is_searched(harness: Harness, content: str, queries: list[str]) -> None:
    capture(harness, "k", content)
    capture(harness, "other", "nothing of the kind")
    for query in queries:
        assert found(harness, query) == ["k"], query
    result = harness.query("search_knowledge", query=queries[0])["results"][0]
    assert result["snippet"].replace("[", "").replace("]", "") == content
    assert harness.query("get_knowledge", knowledge_id="k")["content"] == content
    assert harness.replayed() == harness.state


@pytest.mark.parametrize(
    ("content", "queries", "snippet"),
    [
        ("Κλίβανος καίει", ["κλιβανος", "ΚΛΊΒΑΝΟΣ", "κλιβ*", '"κλιβανος καιει"'], "[Κλίβανος]"),
        ("Ещё один мой чайник", ["еще", "ЕЩЁ", "мой", "мои\u0306", '"ЕЩЕ один"'], "[Ещё] один"),
        ("Die Straße nach Rom", ["strasse", "STRASSE", "straß*"], "[Straße]"),
        ("Cafe\u0301 Noir", ["cafe", "café", "CAFÉ", '"cafe noir"'], "[Cafe\u0301"),
        ("가마를 굽는다", ["\u1100\u1161\u1106\u1161\u1105\u1173\u11af"], "[가마를]"),
        ("ガスを止める", ["ガス", "カ\u3099ス"], "[ガス]"),
    ],
)
def test_case_and_accents_do_not_matter(harness: Harness, content: str, queries: list[str], snippet: str) -> None:
    capture(harness, "k", content)
    capture(harness, "other", "カス, nothing of the kind")
    for query in queries:
        assert found(harness, query) == ["k"], query
    result = harness.query("search_knowledge", query=queries[0])["results"][0]
    assert snippet in result["snippet"]
    assert harness.replayed() == harness.state


@given(st.text(min_size=1, max_size=60))
def test_captured_content_is_unchanged(content: str) -> None:
    harness = Harness(SERVICE)
    capture(harness, "k", content)
    assert harness.query("get_knowledge", knowledge_id="k")["content"] == content


def test_knowledge_is_filtered_by_session_tag_and_time(harness: Harness) -> None:
    capture(harness, "a", "kiln", session_id="s", tags=["heat", "clay"])
    harness.advance(60)
    capture(harness, "b", "kiln", session_id="t", tags=["heat"])
    harness.advance(60)
    capture(harness, "c", "kiln", tags=["heat wave"])
    assert found(harness, "kiln", session_id="s") == ["a"]
    assert sorted(found(harness, "kiln", tag="heat")) == ["a", "b"]
    minute = (START + timedelta(seconds=60)).isoformat()
    assert sorted(found(harness, "kiln", since=minute)) == ["b", "c"]
    assert found(harness, "kiln", before=minute) == ["a"]
    assert found(harness, "kiln", since=minute, tag="heat") == ["b"]
    assert harness.query("search_knowledge", query="kiln", tag="heat", limit=1)["total"] == 2
    harness.refused(InvalidData, "publish_search", query="kiln", since="2026-01-01T00:00:00")


def test_pages_follow_one_another(harness: Harness) -> None:
    for number in range(5):
        capture(harness, f"k{number}", "kiln")
    first = harness.query("search_knowledge", query="kiln", limit=2)
    second = harness.query("search_knowledge", query="kiln", limit=2, offset=first["next"])
    last = harness.query("search_knowledge", query="kiln", limit=2, offset=second["next"])
    pages = [[hit["knowledge_id"] for hit in page["results"]] for page in (first, second, last)]
    assert pages == [["k0", "k1"], ["k2", "k3"], ["k4"]]
    assert (last["next"], last["total"]) == (None, 5)
    assert harness.query("search_knowledge", query="kiln", offset=5)["next"] is None


def test_a_hit_has_its_score_and_its_matched_terms(harness: Harness) -> None:
    capture(harness, "k", "A hot kiln")
    answer = harness.query("search_knowledge", query='"hot kiln" glaze hot ki*')
    assert answer["results"][0]["matched"] == ['"hot kiln"', "hot", "ki*"]
    assert answer["ranking"] == {"method": "BM25", "weights": {"title": 2, "content": 1, "tags": 1}}


def test_the_snippet_of_a_long_text_shows_its_best_match(harness: Harness) -> None:
    clay = "clay " * 1000
    capture(harness, "k", f"kiln {clay}and the hot kiln glows {clay}".strip())
    (hit,) = harness.query("search_knowledge", query='"hot kiln" glows')["results"]
    assert "[hot kiln] [glows]" in hit["snippet"]
    assert (hit["snippet"][0], hit["snippet"][-1]) == ("…", "…")
    assert len(hit["snippet"].split()) <= 24
    (hit,) = harness.query("search_knowledge", query="k")["results"]  # of the title, in which alone it is
    assert hit["snippet"] == f"kiln {'clay ' * 23}".strip() + "…"


def test_a_search_that_takes_too_long_is_refused(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        capture(harness, f"k{number}", "kiln")
    assert len(found(harness, "kiln", limit=100)) == 50
    monkeypatch.setattr(search, "_STEPS", 1)
    monkeypatch.setattr(search, "LONGEST", -1.0)
    with pytest.raises(LimitExceeded) as caught:
        harness.state.index.search("kiln", 10)
    assert caught.value.data == {"field": "query", "limit": -1.0}
    monkeypatch.undo()
    assert len(found(harness, "kiln", limit=100)) == 50


def test_a_search_before_the_index_is_made_is_unavailable(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    capture(harness, "k", "kiln")
    monkeypatch.setattr(search, "LONGEST", -1.0)
    with pytest.raises(Unavailable):
        harness.state.index.search("kiln", 10)
    monkeypatch.undo()
    harness.state.index.catch_up()
    assert not harness.state.index.behind
    assert found(harness, "kiln") == ["k"]


@pytest.mark.parametrize("mark", ["\u05b0\u0591", "\u0327\u0323"])
def test_a_letter_with_thousands_of_marks_is_found(harness: Harness, mark: str) -> None:
    capture(harness, "k", f"kiln a{mark * 40_000} café")
    assert found(harness, "kiln") == found(harness, "cafe") == ["k"]


vocabulary = st.sampled_from(["kiln", "clay", "glaze", "heat"])


@given(st.lists(st.lists(vocabulary, min_size=1, max_size=6), min_size=1, max_size=8), vocabulary, vocabulary)
def test_results_are_ranked_and_complete(texts: list[list[str]], one: str, other: str) -> None:
    harness = Harness(SERVICE)
    for number, words in enumerate(texts):
        harness.execute("capture_knowledge", knowledge_id=f"k{number}", title="t", content=" ".join(words))
    answer = harness.query("search_knowledge", query=f"{one} {other}", limit=100)
    scores = [hit["score"] for hit in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    expected = {f"k{number}" for number, words in enumerate(texts) if {one, other} & set(words)}
    assert {hit["knowledge_id"] for hit in answer["results"]} == expected
    assert answer["total"] == len(expected)
