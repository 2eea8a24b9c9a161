"""References from a remote stage's data to an earlier stage's result: `{"$result": ["open", "session_id"]}`.

The list has the stage's name, then the keys and indexes in its result. A compensation may refer to its own stage too.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bodhisattva.servers.core.errors import InvalidData
from bodhisattva.servers.mahavishnu.domain import Stage, Workflow

_REFERENCE = "$result"


class Unresolved(Exception):
    """A reference to a value that the result does not have."""


def check(stages: Sequence[Stage]) -> None:
    """InvalidData if a stage refers to one that is not before it."""
    before: set[str] = set()
    for stage in stages:
        _check(stage.data, before)
        before.add(stage.name)
        if stage.compensation is not None:
            _check(stage.compensation.data, before)


def _check(data: Any, known: set[str]) -> None:
    for path in _paths(data):
        if not isinstance(path, list) or not path or not isinstance(path[0], str) or path[0] not in known:
            raise InvalidData(
                f"{_REFERENCE} takes a list that begins with the name of an earlier stage.", field="stages"
            )


def _paths(value: Any) -> Iterator[Any]:
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif isinstance(value, dict) and value.keys() == {_REFERENCE}:
            yield value[_REFERENCE]
        elif isinstance(value, dict):
            left += value.values()


def resolved(value: Any, workflow: Workflow) -> Any:
    """The value with its references replaced by results; Unresolved if there is no such result."""
    results = {each.name: result for each, result in zip(workflow.stages, workflow.results, strict=False)}
    return _resolved(value, results)


def _resolved(value: Any, results: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_resolved(each, results) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {_REFERENCE}:
        return _looked_up(value[_REFERENCE], results)
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
