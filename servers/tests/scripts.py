"""Arbitrary scripts for any service, made of the types that its commands and queries take.

A service or a command is covered by being declared. `EXAMPLES` only makes it likelier that what is drawn is accepted:
a checksum that fits, a version that is one. Ids and names come from two words, so that steps meet each other.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from itertools import chain
from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

from bodhisattva.servers.core.service import Handler
from bodhisattva.servers.registry import services
from bodhisattva.servers.tests.harness import START, Script

Strategy = st.SearchStrategy[Any]

WORDS = ("a", "b")


def _mostly(usual: Strategy, seldom: Strategy) -> Strategy:
    """`seldom` in one out of eight; `one_of` would take each strategy once, however often it is named."""
    return st.integers(0, 7).flatmap(lambda number: seldom if number == 7 else usual)


_words = _mostly(st.just("a"), st.just("b"))
_integers = st.integers(-2, 2) | st.just(2**70)
_scalars = st.none() | st.booleans() | _integers | st.floats(-2, 2) | _words
json_values = st.recursive(
    _scalars, lambda below: st.lists(below, max_size=2) | st.dictionaries(_words, below, max_size=2), max_leaves=3
)
json_objects = st.dictionaries(_words, json_values, max_size=2)
_junk: Strategy = st.sampled_from(
    [None, -1, 1e300, "", " ", "a" * 300, "\x00", "\ud7ff", [], {}, [{}], {"a": []}, True]
)


def _digest(word: str) -> str:
    return sha256(word.encode()).hexdigest()


_elements = st.lists(
    st.fixed_dictionaries(
        {"id": _words, "type": st.just("text"), "version": st.integers(1, 3), "versionNonce": st.integers(0, 2)},
        optional={"isDeleted": st.booleans(), "index": st.sampled_from(["a0", "a1"])},
    ),
    max_size=3,
)

_image = {"id": "a", "mimeType": "image/png", "dataURL": "data:image/png;base64,iVBORw=="}
_files: Strategy = st.sampled_from([{}, {"a": _image}])

# By the name of a field, or of a command and its field.
EXAMPLES: dict[str, Strategy] = {
    "version": _mostly(st.just("1.0.0"), st.sampled_from(["1.1.0-rc.1", "1.2.0"])),
    "sha256": _mostly(st.just(_digest("a")), st.just(_digest("b"))),
    "adapter_id": st.sampled_from(["a", "a:a:a"]),
    "distribution_id": _words,
    "store_adapter.content": _words,
    "store_adapter.encoding": st.just("utf-8"),
    "elements": _elements,
    "files": _files,
    "document": st.fixed_dictionaries(
        {"type": st.just("excalidraw"), "version": st.just(2), "elements": _elements},
        optional={"files": _files, "appState": json_objects, "source": _words},
    ),
    "import_junit.content": _words.map('<testsuite name="s"><testcase name="{}" time="1"/></testsuite>'.format),
    "import_coverage.content": st.just('<coverage line-rate="0.5"/>'),
    "state_path": st.sampled_from(["a", "a.a", "a.b", "b.a.a"]),
    "expected_version": _mostly(st.none(), st.integers(0, 2)),
    "component_type": _mostly(st.just("text"), _words),
    "props": _mostly(st.fixed_dictionaries({"text": _words}), st.dictionaries(_words, _words)),
    "start_workflow.stages": st.sampled_from([["a"], ["a", "b"], ["a", {"name": "b", "service": "a", "request": "a"}]]),
    "set_worker_status.status": _mostly(st.just("idle"), st.just("busy")),
    "after": _mostly(st.none(), _words),
    "window": _mostly(st.none(), st.floats(0.1, 1e9)),
    "time": st.integers(0, 9).map(lambda second: START.replace(second=second).isoformat()),
}


@cache
def scripts(name: str) -> st.SearchStrategy[Script]:
    """Rounds through the service's requests in the order of their declaration, which is that of a life, with gaps."""
    service = services()[name]
    handlers = [*service.own_handlers.values(), *service.query_handlers.values()]
    rounds = st.tuples(*(st.lists(step(handler), max_size=2) for handler in handlers))
    return st.lists(rounds.map(chain.from_iterable), max_size=5).map(lambda drawn: list(chain(*drawn)))


def step(handler: Handler) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """One request: as its type has it, or in one out of eight with a field that is missing, unknown or junk."""
    data = _struct(inspect.type_info(handler.input_type), handler.name)
    return st.tuples(st.just(handler.name), _mostly(data, data.flatmap(_spoilt)))


def _spoilt(data: dict[str, Any]) -> Strategy:
    field = st.sampled_from([*data, "unknown"])
    without = field.map(lambda name: {key: value for key, value in data.items() if key != name})
    return without | st.builds(lambda name, value: data | {name: value}, field, _junk)


def _struct(node: Any, command: str) -> st.SearchStrategy[dict[str, Any]]:
    required: dict[str, Strategy] = {}
    optional: dict[str, Strategy] = {}
    for field in node.fields:
        known = EXAMPLES.get(f"{command}.{field.name}", EXAMPLES.get(field.name))
        chosen = _fitting(field.type, command) if known is None else known
        (required if field.required else optional)[field.encode_name] = chosen
    whole = st.fixed_dictionaries(required | optional)
    return _mostly(whole, st.fixed_dictionaries(required, optional=optional))


def _fitting(node: inspect.Type, command: str) -> Strategy:
    """Values of a type, mostly small ones."""
    if isinstance(node, inspect.StructType):
        return _struct(node, command)
    if isinstance(node, inspect.UnionType):
        things = [_fitting(each, command) for each in node.types if not isinstance(each, inspect.NoneType)]
        return _mostly(st.one_of(things), st.none()) if node.includes_none else st.one_of(things)
    if isinstance(node, inspect.ListType):
        least = node.min_length or 0
        return st.lists(_fitting(node.item_type, command), min_size=least, max_size=least + 2)
    return _SIMPLE[type(node)](node)


def _text(node: Any) -> Strategy:
    if node.pattern is None:
        return _words
    fitting = [word for word in WORDS if re.search(node.pattern, word)]
    return st.sampled_from(fitting) if fitting else st.from_regex(node.pattern)


def _whole(node: Any) -> Strategy:
    least = node.ge if node.ge is not None else -2
    return st.integers(least, least + 3) | st.just(node.le if node.le is not None else 2**53)


def _real(node: Any) -> Strategy:
    least = node.ge if node.ge is not None else node.gt if node.gt is not None else -1e15
    most = node.le if node.le is not None else 1e15
    bounds = st.floats(least, most, exclude_min=node.gt is not None)
    return st.integers(max(1, int(least)), 3).map(float) | bounds


_SIMPLE: Mapping[type[inspect.Type], Callable[[Any], Strategy]] = {
    inspect.StrType: _text,
    inspect.IntType: _whole,
    inspect.FloatType: _real,
    inspect.BoolType: lambda node: st.booleans(),
    inspect.AnyType: lambda node: json_values,
    inspect.LiteralType: lambda node: st.sampled_from(node.values),
    inspect.DictType: lambda node: json_objects,
    inspect.DateTimeType: lambda node: EXAMPLES["time"],
}
