"""The envelope (protocol 1): what is read, what is refused, what is always written."""

import json
import time
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core import envelope, shape
from bodhisattva.servers.core.config import Limits
from bodhisattva.servers.core.envelope import Incoming
from bodhisattva.servers.core.errors import DecodeFailed, ErrorCode, InvalidData

NINE_KEYS = {
    "id",
    "type",
    "event",
    "data",
    "timestamp",
    "correlation_id",
    "room",
    "error_code",
    "error_message",
}  # fmt: skip
REQUEST = Incoming("request", "r1", None, "post", {})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=40,
)


LIMITS = Limits()


def openings_and_commas(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    items = list(value.values()) if isinstance(value, dict) else value
    return max(1, len(items)) + sum(map(openings_and_commas, items))


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        '"request"',
        "null",
        "{}",
        '{"type": 5}',
        '{"type": "request", "id": 5}',
        '{"type": "request", "event": []}',
        '{"type": "request", "data": []}',
        '{"type": "request", "data": "x"}',
        '{"type": "request", "correlation_id": 1}',
        '{"type": "request", "timestamp": 1}',
        '{"type": "request", "data": {"a": NaN}}',
        '{"type": "request"} x',
        '{"type": "request", "data": {"a": "\\ud800"}}',
        '{"type": "request", "data": {"a": 1e999}}',
    ],
)
def test_s1_no_envelope_is_a_decode_error(text: str) -> None:
    with pytest.raises(DecodeFailed) as refused:
        envelope.decode(text, LIMITS)
    assert refused.value.code is ErrorCode.DECODE_ERROR


def test_s1_unknown_incoming_keys_are_ignored() -> None:
    read = envelope.decode('{"type": "request", "id": "1", "room": "x", "error_code": 5, "new": {"a": [1]}}', LIMITS)
    assert read == Incoming("request", "1")


def test_s1_null_data_counts_as_none() -> None:
    assert envelope.decode('{"type": "request", "data": null}', LIMITS).data is None


@pytest.mark.parametrize(
    "frame",
    [
        envelope.response(REQUEST, {"a": 1}),
        envelope.error(REQUEST, ErrorCode.CONFLICT, "No.", {}),
        envelope.error(None, ErrorCode.DECODE_ERROR, "No.", {}),
        envelope.pong(REQUEST),
        envelope.event("posted", {}),
        envelope.numbered_event("i", "posted", {}, room="c", at="t", offset=1, epoch="e"),
    ],
)
def test_s1_the_nine_keys_are_always_written(frame: bytes) -> None:
    assert json.loads(frame).keys() >= NINE_KEYS


def test_s1_only_numbered_events_carry_offset_and_epoch() -> None:
    assert not {"offset", "epoch"} & json.loads(envelope.event("posted", {})).keys()
    numbered = json.loads(envelope.numbered_event("i", "posted", {}, room="c", at="t", offset=7, epoch="e"))
    assert (numbered["offset"], numbered["epoch"], numbered["room"]) == (7, "e", "c")


def test_s1_each_frame_has_a_fresh_id_and_a_utc_timestamp() -> None:
    frames = [json.loads(envelope.response(REQUEST, {})) for _ in range(100)]
    assert len({frame["id"] for frame in frames}) == 100
    written = datetime.fromisoformat(frames[0]["timestamp"])
    assert written.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("request_id", "own", "answered", "returned"),
    [
        ("r1", None, "r1", None),
        ("r1", "c1", "r1", "c1"),
        ("r1", "r1", "r1", None),
        (None, "c1", "c1", None),
        (None, None, None, None),
    ],
)
def test_s1_1_correlation(request_id: str | None, own: str | None, answered: str | None, returned: str | None) -> None:
    answer = json.loads(envelope.response(Incoming("request", request_id, own, "post"), {}))
    assert answer["correlation_id"] == answered
    assert answer.get("request_correlation_id") == returned
    assert ("request_correlation_id" in answer) is (returned is not None)


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (Incoming("request", event="post"), "post"),
        (Incoming("event", event="subscribe"), "subscribe"),
        (Incoming("subscribe"), "subscribe"),
        (Incoming("ping"), "ping"),
        (Incoming("request"), None),
    ],
)
def test_s1_an_answer_carries_the_name_of_its_request(message: Incoming, name: str | None) -> None:
    assert json.loads(envelope.response(message, {}))["event"] == name


@given(JSON, st.integers(1, 8))
def test_s4_nesting_is_counted_exactly_up_to_the_limit(value: Any, allowed: int) -> None:
    refused = False
    try:
        shape.check(json.dumps(value), values=10_000, nesting=allowed)
    except DecodeFailed:
        refused = True
    assert refused is (depth(value) > allowed)


@given(JSON)
def test_s4_values_are_counted_outside_strings(value: Any) -> None:
    text = json.dumps(value)
    exactly = openings_and_commas(value)
    shape.check(text, values=exactly, nesting=10_000)
    if exactly:
        with pytest.raises(DecodeFailed):
            shape.check(text, values=exactly - 1, nesting=10_000)


@pytest.mark.parametrize("string", ['[{"' * 500, "[\\" * 500, '[\\"' * 500, '\\\\"[' * 500])
def test_s4_brackets_in_strings_do_not_nest(string: str) -> None:
    text = json.dumps({"type": "request", "data": {"a": string}})
    assert envelope.decode(text, LIMITS).data == {"a": string}


@pytest.mark.parametrize("levels", [64, 65])
def test_s4_nesting_limit(levels: int) -> None:
    inner = levels - 2
    text = '{"type":"request","data":{"a":' + "[" * inner + "]" * inner + "}}"
    if levels <= 64:
        assert envelope.decode(text, LIMITS).type == "request"
    else:
        with pytest.raises(DecodeFailed):
            envelope.decode(text, LIMITS)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100 + '"' + '\\"' * 250_000,
        "[" * 100 + '"a' * 250_000,
        "[" * 500_000,
        "[" * 500_000 + "]" * 500_000,
        "[]" * 250_000,
        '["",' * 125_000,
        "[" * 100 + "\\" * 500_000,
    ],
)
def test_s4_hostile_text_is_refused_in_linear_time(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(DecodeFailed):
        envelope.decode(text, LIMITS)
    assert time.perf_counter() - started < 1.0


class _Wanted(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(pattern="^[a-z]+$")]
    points: list[dict[str, int]] = []


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "name"),
        ({"name": 5}, "name"),
        ({"name": "a", "points": 5}, "points"),
        ({"name": "a", "points": [{"x": "y"}]}, "points"),
    ],
)
def test_s3_wrong_data_names_its_field(data: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidData) as refused:
        envelope.convert(data, _Wanted)
    assert str(refused.value.data["field"]).startswith(field)


def test_s3_a_pattern_is_not_shown_as_such() -> None:
    with pytest.raises(InvalidData) as refused:
        envelope.convert({"name": "A!"}, _Wanted)
    assert refused.value.message == "The data does not fit: this text has a form that the field does not take."
    assert refused.value.data == {"field": "name"}


def test_s3_a_missing_field_of_a_field_is_named_whole() -> None:
    class Outer(msgspec.Struct):
        inner: _Wanted

    with pytest.raises(InvalidData) as refused:
        envelope.convert({"inner": {}}, Outer)
    assert refused.value.data == {"field": "inner.name"}
