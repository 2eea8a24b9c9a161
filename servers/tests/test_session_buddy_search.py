"""Searching knowledge: phrases, beginnings, any script, filters, pages, and a ranking that can be followed."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.errors import InvalidData, LimitExceeded, Unavailable
from bodhisattva.servers.session_buddy import search
from bodhisattva.servers.session_buddy.service import SERVICE
from bodhisattva.servers.tests.bench import START, Bench


@pytest.fixture
def bench() -> Bench:
    bench = Bench(SERVICE)
    for session in ("s", "t"):
        bench.do("create_session", session_id=session, project="atlas")
    return bench


def capture(bench: Bench, knowledge_id: str, content: str, **more: Any) -> None:
    bench.do("capture_knowledge", knowledge_id=knowledge_id, content=content, title=knowledge_id, **more)


def found(bench: Bench, query: str, **more: Any) -> list[str]:
    results = bench.ask("search_knowledge", query=query, **more)["results"]
    return [result["knowledge_id"] for result in results]


def test_a_phrase_has_to_occur_and_words_beside_it_only_rank(bench: Bench) -> None:
    capture(bench, "apart", "The kiln is cold and the door is hot")
    capture(bench, "plain", "A hot kiln glows")
    capture(bench, "glazed", "A hot kiln melts the glaze, and glaze drips from glaze")
    assert found(bench, '"hot kiln" glaze') == ["glazed", "plain"]
    assert found(bench, '"hot kiln" "glaze drips"') == ["glazed"]
    assert set(found(bench, "hot kiln")) == {"apart", "plain", "glazed"}
    assert found(bench, '"kiln hot"') == []


def test_the_beginning_of_a_word_is_enough_with_a_star(bench: Bench) -> None:
    capture(bench, "k", "We were caching the Größe")
    for query in ("cach*", "cachi*", "CACHING*", "groß*", "gro*", "were*"):
        assert found(bench, query) == ["k"], query
    for query in ("cachi", "chi*", "x*", "*"):
        assert found(bench, query) == [], query


@pytest.mark.parametrize(
    ("content", "queries"),
    [
        ("raise retry_count to 3", ["coun*", "retry_c*", "RETRY*"]),
        ("write to user@example.com by e-mail", ["exam*", "user@exam*", "e-ma*", "e-mail*"]),
        ("re\u0301sume\u0301 of the day", ["resu*", "résu*", "re\u0301su*", "résumé"]),
    ],
)
def test_words_begin_where_the_index_has_them_begin(bench: Bench, content: str, queries: list[str]) -> None:
    capture(bench, "k", content)
    capture(bench, "other", "nothing of the kind, user or e or mail")
    for query in queries:
        assert found(bench, query) == ["k"], query
    assert found(bench, "___") == found(bench, "user@mail*") == []


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
def test_every_script_is_searched(bench: Bench, content: str, queries: list[str]) -> None:
    capture(bench, "k", content)
    capture(bench, "other", "nothing of the kind")
    for query in queries:
        assert found(bench, query) == ["k"], query
    result = bench.ask("search_knowledge", query=queries[0])["results"][0]
    assert result["snippet"].replace("[", "").replace("]", "") == content
    assert bench.ask("get_knowledge", knowledge_id="k")["content"] == content
    assert bench.replayed() == bench.state


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
def test_case_and_accents_do_not_matter(bench: Bench, content: str, queries: list[str], snippet: str) -> None:
    capture(bench, "k", content)
    capture(bench, "other", "カス, nothing of the kind")
    for query in queries:
        assert found(bench, query) == ["k"], query
    result = bench.ask("search_knowledge", query=queries[0])["results"][0]
    assert snippet in result["snippet"]
    assert bench.replayed() == bench.state


@given(st.text(min_size=1, max_size=60))
def test_what_was_captured_reads_as_it_was(content: str) -> None:
    bench = Bench(SERVICE)
    capture(bench, "k", content)
    assert bench.ask("get_knowledge", knowledge_id="k")["content"] == content


def test_knowledge_is_filtered_by_session_tag_and_time(bench: Bench) -> None:
    capture(bench, "a", "kiln", session_id="s", tags=["heat", "clay"])
    bench.wait(60)
    capture(bench, "b", "kiln", session_id="t", tags=["heat"])
    bench.wait(60)
    capture(bench, "c", "kiln", tags=["heat wave"])
    assert found(bench, "kiln", session_id="s") == ["a"]
    assert sorted(found(bench, "kiln", tag="heat")) == ["a", "b"]
    minute = (START + timedelta(seconds=60)).isoformat()
    assert sorted(found(bench, "kiln", since=minute)) == ["b", "c"]
    assert found(bench, "kiln", before=minute) == ["a"]
    assert found(bench, "kiln", since=minute, tag="heat") == ["b"]
    assert bench.ask("search_knowledge", query="kiln", tag="heat", limit=1)["total"] == 2
    bench.refused(InvalidData, "publish_search", query="kiln", since="2026-01-01T00:00:00")


def test_pages_follow_one_another(bench: Bench) -> None:
    for number in range(5):
        capture(bench, f"k{number}", "kiln")
    first = bench.ask("search_knowledge", query="kiln", limit=2)
    second = bench.ask("search_knowledge", query="kiln", limit=2, offset=first["next"])
    last = bench.ask("search_knowledge", query="kiln", limit=2, offset=second["next"])
    pages = [[hit["knowledge_id"] for hit in page["results"]] for page in (first, second, last)]
    assert pages == [["k0", "k1"], ["k2", "k3"], ["k4"]]
    assert (last["next"], last["total"]) == (None, 5)
    assert bench.ask("search_knowledge", query="kiln", offset=5)["next"] is None


def test_a_hit_says_why_it_stands_where_it_stands(bench: Bench) -> None:
    capture(bench, "k", "A hot kiln")
    answer = bench.ask("search_knowledge", query='"hot kiln" glaze hot ki*')
    assert answer["results"][0]["matched"] == ['"hot kiln"', "hot", "ki*"]
    assert answer["ranking"] == {"method": "BM25", "weights": {"title": 2, "content": 1, "tags": 1}}


def test_the_snippet_of_a_long_text_shows_its_best_place(bench: Bench) -> None:
    clay = "clay " * 1000
    capture(bench, "k", f"kiln {clay}and the hot kiln glows {clay}".strip())
    (hit,) = bench.ask("search_knowledge", query='"hot kiln" glows')["results"]
    assert "[hot kiln] [glows]" in hit["snippet"]
    assert (hit["snippet"][0], hit["snippet"][-1]) == ("…", "…")
    assert len(hit["snippet"].split()) <= 24
    (hit,) = bench.ask("search_knowledge", query="k")["results"]  # of the title, in which alone it is
    assert hit["snippet"] == f"kiln {'clay ' * 23}".strip() + "…"


def test_a_search_that_takes_too_long_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        capture(bench, f"k{number}", "kiln")
    assert len(found(bench, "kiln", limit=100)) == 50
    monkeypatch.setattr(search, "_STEPS", 1)
    monkeypatch.setattr(search, "LONGEST", -1.0)
    with pytest.raises(LimitExceeded) as caught:
        bench.state.index.search("kiln", 10)
    assert caught.value.data == {"field": "query", "limit": -1.0}
    monkeypatch.undo()
    assert len(found(bench, "kiln", limit=100)) == 50


def test_a_search_before_the_index_is_made_is_unavailable(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    capture(bench, "k", "kiln")
    monkeypatch.setattr(search, "LONGEST", -1.0)
    with pytest.raises(Unavailable):
        bench.state.index.search("kiln", 10)
    monkeypatch.undo()
    bench.state.index.catch_up()
    assert not bench.state.index.behind
    assert found(bench, "kiln") == ["k"]


@pytest.mark.parametrize("mark", ["\u05b0\u0591", "\u0327\u0323"])
def test_a_letter_with_thousands_of_marks_is_found(bench: Bench, mark: str) -> None:
    capture(bench, "k", f"kiln a{mark * 40_000} café")
    assert found(bench, "kiln") == found(bench, "cafe") == ["k"]


vocabulary = st.sampled_from(["kiln", "clay", "glaze", "heat"])


@given(st.lists(st.lists(vocabulary, min_size=1, max_size=6), min_size=1, max_size=8), vocabulary, vocabulary)
def test_results_are_ranked_and_complete(texts: list[list[str]], one: str, other: str) -> None:
    bench = Bench(SERVICE)
    for number, words in enumerate(texts):
        bench.do("capture_knowledge", knowledge_id=f"k{number}", title="t", content=" ".join(words))
    answer = bench.ask("search_knowledge", query=f"{one} {other}", limit=100)
    scores = [hit["score"] for hit in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    expected = {f"k{number}" for number, words in enumerate(texts) if {one, other} & set(words)}
    assert {hit["knowledge_id"] for hit in answer["results"]} == expected
    assert answer["total"] == len(expected)
