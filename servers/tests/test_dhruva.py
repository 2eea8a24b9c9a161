"""The registry: what is stored matches its checksum, never changes, and is chosen by semantic version."""

from base64 import b64encode
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.errors import Conflict, InvalidData, NotFound
from bodhisattva.servers.dhruva.service import SERVICE
from bodhisattva.servers.dhruva.versions import choose, identity, parse
from bodhisattva.servers.tests.harness import Harness

CACHE = "storage:cache:redis"


def digest(content: bytes | str) -> str:
    return sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def release(version: str = "1.0.0", content: str = "def run(): ...", **more: Any) -> dict[str, Any]:
    name = {"domain": "storage", "key": "cache", "provider": "redis"}
    return {**name, "version": version, "content": content, "sha256": digest(content), **more}


@pytest.fixture
def harness() -> Harness:
    return Harness(SERVICE)


def stored(harness: Harness, *numbers: str) -> Harness:
    for number in numbers:
        harness.execute("store_adapter", **release(number, f"code of {number}"))
    return harness


# Versions and ranges.

# Clause 11 of semver.org 2.0.0 gives this order.
ASCENDING = (
    "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 2.0.0 2.1.0"
)

identifiers = st.integers(0, 20).map(str) | st.sampled_from(["alpha", "beta", "rc", "x-y"])
prereleases = st.lists(identifiers, max_size=3).map(".".join)
numbers = st.tuples(*[st.integers(0, 3)] * 3)
semvers = st.builds(lambda triple, pre: ".".join(map(str, triple)) + (f"-{pre}" if pre else ""), numbers, prereleases)


def rank(version: str) -> tuple[Any, ...]:
    """Clause 11, written down independently: a sort key for a version."""
    core, _, pre = version.partition("-")
    each = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")]
    return (*map(int, core.split(".")), not pre, each)


def test_versions_sort_in_the_specified_order() -> None:
    for lower, higher in pairwise(ASCENDING.split()):
        assert choose([parse(higher), parse(lower)], f"{lower} || {higher}") == parse(higher)


@given(st.lists(semvers, min_size=1, max_size=8))
def test_the_latest_is_the_highest_release_if_there_is_one(versions: list[str]) -> None:
    latest = choose(map(parse, versions), None)
    assert str(latest) == max([each for each in versions if "-" not in each] or versions, key=rank)


@given(semvers)
def test_an_exact_version_chooses_only_itself(version: str) -> None:
    others = [parse(other) for other in ASCENDING.split() if other != version]
    assert choose([*others, parse(version)], version) == parse(version)
    assert choose(others, version) is None


@given(semvers, semvers)
def test_operators_compare_as_semver_does(one: str, other: str) -> None:
    """Held against the order itself, with the version named so that prereleases count."""
    named = [parse(one)]
    for operator, holds in {
        ">=": rank(one) >= rank(other),
        ">": rank(one) > rank(other),
        "<=": rank(one) <= rank(other),
        "<": rank(one) < rank(other),
    }.items():
        assert (choose(named, f"{operator}{other}, >={one}") is not None) == holds


@given(st.lists(semvers, min_size=1, max_size=6), semvers, semvers)
def test_one_set_has_to_match_and_all_its_comparators(offered: list[str], one: str, other: str) -> None:
    def chosen(wanted: str) -> set[str]:
        return {version for version in offered if choose([parse(version)], wanted) is not None}

    either, both = f">={one} || <{other}", f">={one} <={other}"
    assert chosen(either) == chosen(f">={one}") | chosen(f"<{other}")
    assert chosen(both) == chosen(f"{one} - {other}")
    assert chosen(f"<{one}").isdisjoint(chosen(f">={one}"))


NUMBERS = "0.0.3 0.2.3 0.2.9 0.3.0 1.0.0 1.2.0-rc.1 1.2.0 1.2.3 1.9.0 2.0.0-rc.1"
OFFERED = [parse(number) for number in NUMBERS.split()]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("^1.2", "1.9.0"),
        ("~1.2", "1.2.3"),
        ("~1", "1.9.0"),
        (">=1,<2", "1.9.0"),
        (">= 1 < 1.2", "1.0.0"),
        (">=1.2.0 <=1.2.2", "1.2.0"),
        (">1.2 <1.9", None),
        ("<=1.2", "1.2.3"),
        ("1.x", "1.9.0"),
        ("1.2.*", "1.2.3"),
        ("*", "1.9.0"),
        ("^0.2.3", "0.2.9"),
        ("^0.0.3", "0.0.3"),
        ("^0.0", "0.0.3"),
        ("^0", "0.3.0"),
        ("0", "0.3.0"),
        ("=1.2.0", "1.2.0"),
        ("1.2.0-rc.1", "1.2.0-rc.1"),
        (">=1.2.0-rc.0 <1.2.0", "1.2.0-rc.1"),
        ("^2", None),
        ("^2.0.0-rc.0", "2.0.0-rc.1"),
        ("1.2.0+build", "1.2.0"),
        ("0.0.3 || ^1.2.0 || 9", "1.9.0"),
        ("9 || 8.x", None),
        ("1.0.0||0.2.x", "1.0.0"),
        ("||", "1.9.0"),
        (" ", "1.9.0"),
        ("1.0.0 - 1.2.0", "1.2.0"),
        ("1.0.0 - 1.2", "1.2.3"),
        ("0.2 - 0", "0.3.0"),
        ("1.3 - *", "1.9.0"),
        ("* - 0.2", "0.2.9"),
        ("1.x.7", "1.9.0"),
        ("x.1.2", "1.9.0"),
        ("^1.x", "1.9.0"),
        ("^0.0.x", "0.0.3"),
        ("~0.2.3", "0.2.9"),
        ("v1.2.0", "1.2.0"),
        (">1.x", None),
        (">=1.3.x", "1.9.0"),
        ("<1.x", "0.3.0"),
        (">*", None),
        ("<=x", "1.9.0"),
        ("^1.2.0-rc.0 >=2.0.0-rc.0", None),
        ("^1.2.0-rc.0 || 2.0.0-rc.1", "2.0.0-rc.1"),
        ("<2.0.0", "1.9.0"),
        ("<2.0.0-rc.9", "2.0.0-rc.1"),
    ],
)
def test_a_range_chooses_the_highest_version_that_it_admits(wanted: str, chosen: str | None) -> None:
    assert choose(OFFERED, wanted) == (parse(chosen) if chosen else None)


@pytest.mark.parametrize(
    "wanted", ["latest", ",", "1.2.3.4", "1.2.3.x", "^", "1.2-rc", "1 | 2", "01.2.3", "1 -2", "1.0.0-01", "=>1", "^^1"]
)
def test_an_invalid_range_is_refused(wanted: str) -> None:
    with pytest.raises(InvalidData) as refusal:
        choose(OFFERED, wanted)
    assert refusal.value.data["field"] == "version"


def test_build_metadata_is_no_part_of_the_identity() -> None:
    assert identity(parse("1.0.0-rc.1+linux")) == identity(parse("1.0.0-rc.1+mac")) == "1.0.0-rc.1"


# Storing.


def test_the_first_release_is_stored_and_read_back(harness: Harness) -> None:
    decision = harness.execute("store_adapter", **release())
    adapter, storage = decision.events
    assert (adapter.name, adapter.channels) == ("adapter.stored", (f"adapter:{CACHE}",))
    assert adapter.data["adapter_id"] == CACHE
    assert adapter.data["sha256"] == digest("def run(): ...")
    assert (storage.name, storage.channels) == ("storage.event", ("storage:storage",))
    assert "content" not in storage.data
    content = harness.query("get_adapter_content", adapter_id=CACHE)
    assert (content["content"], content["version"]) == ("def run(): ...", "1.0.0")
    assert content["sha256"] == digest(content["content"])


def test_a_later_release_updates_the_adapter(harness: Harness) -> None:
    stored(harness, "1.0.0")
    decision = harness.execute("store_adapter", **release("1.1.0", "new"))
    assert [event.name for event in decision.events] == ["adapter.updated", "storage.event"]
    assert decision.answer["status"] == "updated"
    shown = harness.query("get_adapter", adapter_id=CACHE)
    assert (shown["version"], shown["versions"]) == ("1.1.0", ["1.0.0", "1.1.0"])


def test_a_release_is_chosen_by_range(harness: Harness) -> None:
    stored(harness, "1.0.0", "1.10.0", "1.9.0", "2.0.0")
    assert harness.query("get_adapter", adapter_id=CACHE, version="^1")["version"] == "1.10.0"
    assert harness.query("get_adapter_content", adapter_id=CACHE, version="1.9.0")["content"] == "code of 1.9.0"
    with pytest.raises(NotFound) as refusal:
        harness.query("get_adapter", adapter_id=CACHE, version="^3")
    assert refusal.value.data == {"field": "version", "value": "^3"}


def test_without_a_version_a_prerelease_is_given_only_if_there_is_no_release(harness: Harness) -> None:
    assert stored(harness, "2.0.0-rc.1").query("get_adapter", adapter_id=CACHE)["version"] == "2.0.0-rc.1"
    stored(harness, "1.0.0", "2.0.0-rc.2")
    harness.execute("distribute_adapter", adapter_id=CACHE, target="edge-1")
    assert harness.log[-1].data["version"] == "1.0.0"
    assert harness.query("get_adapter", adapter_id=CACHE, version="^2.0.0-rc")["version"] == "2.0.0-rc.2"
    assert harness.query("list_adapters")["adapters"][0]["latest"] == "1.0.0"


def test_a_wrong_checksum_is_answered_with_the_right_one(harness: Harness) -> None:
    with pytest.raises(InvalidData) as refusal:
        harness.execute("store_adapter", **release() | {"sha256": digest("other")})
    assert refusal.value.data == {"field": "sha256", "expected": digest("def run(): ...")}
    assert harness.log == []


def test_a_checksum_may_be_written_in_capitals(harness: Harness) -> None:
    capital = release() | {"sha256": digest("def run(): ...").upper()}
    assert harness.execute("store_adapter", **capital).answer["sha256"] == digest("def run(): ...")


def test_the_same_release_again_changes_nothing(harness: Harness) -> None:
    harness.execute("store_adapter", **release())
    again = harness.execute("store_adapter", **release())
    assert again.events == ()
    assert again.answer["status"] == "unchanged"


@pytest.mark.parametrize("version", ["1.0.0", "1.0.0+other.build"])
def test_a_stored_version_never_changes(harness: Harness, version: str) -> None:
    harness.execute("store_adapter", **release("1.0.0+build"))
    with pytest.raises(Conflict) as refusal:
        harness.execute("store_adapter", **release(version, "other"))
    assert refusal.value.data == {"field": "version", "expected": digest("def run(): ...")}
    assert len(harness.log) == 2


@pytest.mark.parametrize("version", ["1", "1.0", "v1.0.0", "1.0.0-", "1.0.0-01", "01.0.0", "9" * 99, "1.0.0\n"])
def test_an_invalid_version_is_refused(harness: Harness, version: str) -> None:
    with pytest.raises(InvalidData) as refusal:
        harness.execute("store_adapter", **release(version))
    assert refusal.value.data["field"] == "version"


@given(st.binary(min_size=1, max_size=50))
def test_bytes_are_stored_as_base64(content: bytes) -> None:
    harness = Harness(SERVICE)
    written = b64encode(content).decode()
    harness.execute("store_adapter", **release(content=written) | {"sha256": digest(content), "encoding": "base64"})
    shown = harness.query("get_adapter_content", adapter_id=CACHE)
    assert (shown["content"], shown["encoding"], shown["size"]) == (written, "base64", len(content))


@pytest.mark.parametrize("content", ["not base64!", "YQ", "YWJ!j", "é"])
def test_invalid_base64_is_refused(harness: Harness, content: str) -> None:
    with pytest.raises(InvalidData) as refusal:
        harness.execute("store_adapter", **release(content=content, encoding="base64"))
    assert refusal.value.data == {"field": "content"}


@pytest.mark.parametrize(
    "wrong", [{"domain": "a:b"}, {"key": ""}, {"provider": "a b"}, {"sha256": "abc"}, {"content": ""}]
)
def test_malformed_release_is_refused(harness: Harness, wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidData):
        harness.execute("store_adapter", **release() | wrong)


def test_unknown_adapter_is_not_found(harness: Harness) -> None:
    for query in ("get_adapter", "get_adapter_status", "get_adapter_content"):
        with pytest.raises(NotFound):
            harness.query(query, adapter_id="a:b:c")
    with pytest.raises(NotFound):
        harness.execute("distribute_adapter", adapter_id="a:b:c", target="edge")
    with pytest.raises(NotFound):
        harness.execute("acknowledge_distribution", distribution_id="unheard-of")


def test_adapters_are_listed_page_by_page_and_by_domain(harness: Harness) -> None:
    for domain, key in (("b", "z"), ("a", "y"), ("b", "x")):
        harness.execute("store_adapter", **release() | {"domain": domain, "key": key})
    first = harness.query("list_adapters", limit=2)
    second = harness.query("list_adapters", limit=2, after=first["next"])
    listed = [adapter["adapter_id"] for adapter in first["adapters"] + second["adapters"]]
    assert listed == ["a:y:redis", "b:x:redis", "b:z:redis"]
    assert second["next"] is None
    assert [adapter["domain"] for adapter in harness.query("list_adapters", domain="b")["adapters"]] == ["b", "b"]


# Distributing.


def test_a_distribution_is_announced_and_acknowledged(harness: Harness) -> None:
    stored(harness, "1.0.0", "2.0.0")
    (sent,) = harness.execute("distribute_adapter", adapter_id=CACHE, target="edge", version="^1").events
    assert (sent.name, sent.channels) == ("adapter.distributed", ("distribution",))
    assert (sent.data["adapter_id"], sent.data["version"], sent.data["target"]) == (CACHE, "1.0.0", "edge")
    pending = harness.query("get_adapter_status", adapter_id=CACHE)
    assert pending["latest"] == "2.0.0"
    assert [target["status"] for target in pending["targets"]] == ["pending"]
    acknowledge = {"distribution_id": sent.data["distribution_id"], "sha256": digest("code of 1.0.0")}
    (event,) = harness.execute("acknowledge_distribution", **acknowledge).events
    assert (event.name, event.channels) == ("distribution.acknowledged", ("distribution",))
    (target,) = harness.query("get_adapter_status", adapter_id=CACHE)["targets"]
    assert (target["status"], target["up_to_date"]) == ("installed", False)
    assert harness.execute("acknowledge_distribution", **acknowledge).events == ()
    assert harness.replayed() == harness.state


class Unread(dict[str, Any]):
    """Releases that are not to be gone through."""

    def __iter__(self) -> Any:
        raise AssertionError("each release was looked at")


def test_a_list_does_not_read_every_version_again(harness: Harness) -> None:
    """A thousand adapters of a hundred releases held up everybody for the better part of a second."""
    stored(harness, "1.10.0", "1.9.0", "2.0.0-rc.1")
    adapter = harness.state.adapters[CACHE]
    adapter.releases = Unread(adapter.releases)
    assert [each["latest"] for each in harness.query("list_adapters")["adapters"]] == ["1.10.0"]


def test_the_latest_is_found_in_a_snapshot_of_an_earlier_release(harness: Harness) -> None:
    stored(harness, "1.10.0", "1.9.0").state.adapters[CACHE].latest = None
    assert harness.query("get_adapter_status", adapter_id=CACHE)["latest"] == "1.10.0"
    stored(harness, "1.9.1")
    assert harness.query("get_adapter_status", adapter_id=CACHE)["latest"] == "1.10.0"


def test_a_target_with_the_latest_is_up_to_date(harness: Harness) -> None:
    stored(harness, "1.0.0", "2.0.0")
    harness.execute("distribute_adapter", adapter_id=CACHE, target="edge", distribution_id="d")
    harness.execute("acknowledge_distribution", distribution_id="d")
    (target,) = harness.query("get_adapter_status", adapter_id=CACHE)["targets"]
    assert (target["version"], target["up_to_date"]) == ("2.0.0", True)


def test_acknowledging_other_content_is_refused(harness: Harness) -> None:
    stored(harness, "1.0.0")
    harness.execute("distribute_adapter", adapter_id=CACHE, target="edge", distribution_id="d")
    with pytest.raises(InvalidData) as refusal:
        harness.execute("acknowledge_distribution", distribution_id="d", sha256=digest("corrupted"))
    assert refusal.value.data == {"field": "sha256", "expected": digest("code of 1.0.0")}


def test_an_acknowledgement_is_final(harness: Harness) -> None:
    stored(harness, "1.0.0")
    harness.execute("distribute_adapter", adapter_id=CACHE, target="edge", distribution_id="d")
    harness.execute("acknowledge_distribution", distribution_id="d", status="failed", detail="disk full")
    with pytest.raises(Conflict) as refusal:
        harness.execute("acknowledge_distribution", distribution_id="d")
    assert refusal.value.data == {"field": "status", "expected": "failed"}


def test_taken_distribution_id_is_a_conflict(harness: Harness) -> None:
    stored(harness, "1.0.0")
    harness.execute("distribute_adapter", adapter_id=CACHE, target="edge", distribution_id="d")
    with pytest.raises(Conflict):
        harness.execute("distribute_adapter", adapter_id=CACHE, target="core", distribution_id="d")


@given(st.lists(st.tuples(semvers, st.sampled_from(["one", "two"]), st.booleans()), max_size=8))
def test_replaying_the_log_gives_the_same_state(steps: list[tuple[str, str, bool]]) -> None:
    harness = Harness(SERVICE)
    for version, content, distributed in steps:
        try:
            harness.execute("store_adapter", **release(version, content))
        except Conflict:
            continue
        if distributed:
            sent = harness.execute("distribute_adapter", adapter_id=CACHE, target=content)
            harness.execute("acknowledge_distribution", distribution_id=sent.answer["distribution_id"])
    assert harness.replayed() == harness.state
