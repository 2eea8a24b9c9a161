"""Data of a remote stage that is taken from an earlier stage's result: `{"$result": ["open", "session_id"]}`.

The list names the stage, then the keys and indexes that lead into its result. A compensation may refer to its own
stage, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bodhisattva.servers.core.errors import InvalidData
from bodhisattva.servers.mahavishnu.domain import Stage, Workflow

_MARK = "$result"


class Unresolved(Exception):
    """A result does not hold what is taken from it."""


def check(stages: Sequence[Stage]) -> None:
    """InvalidData if a stage refers to one that does not come before it."""
    before: set[str] = set()
    for stage in stages:
        _check(stage.data, before)
        before.add(stage.name)
        if stage.compensation is not None:
            _check(stage.compensation.data, before)


def _check(data: Any, known: set[str]) -> None:
    for path in _paths(data):
        if not isinstance(path, list) or not path or not isinstance(path[0], str) or path[0] not in known:
            raise InvalidData(f"{_MARK} takes a list that begins with the name of an earlier stage.", field="stages")


def _paths(value: Any) -> Iterator[Any]:
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif isinstance(value, dict) and value.keys() == {_MARK}:
            yield value[_MARK]
        elif isinstance(value, dict):
            left += value.values()


def resolved(value: Any, workflow: Workflow) -> Any:
    """The value with results in the place of references; Unresolved if there is no such result."""
    results = {each.name: result for each, result in zip(workflow.stages, workflow.results, strict=False)}
    return _resolved(value, results)


def _resolved(value: Any, results: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_resolved(each, results) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {_MARK}:
        return _looked_up(value[_MARK], results)
    return {key: _resolved(each, results) for key, each in value.items()}


def _looked_up(path: list[Any], results: Mapping[str, Any]) -> Any:
    stage, *keys = path
    try:
        result: Any = results[stage]
        for key in keys:
            result = result[key]
    except (LookupError, TypeError):
        raise Unresolved(f"there is no result {'.'.join(map(str, path))}") from None
    return result
