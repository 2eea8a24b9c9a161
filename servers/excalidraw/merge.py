"""How two edits of one element become one: the rule of Excalidraw's own clients, so that all sides converge.

Source: `reconcileElements` and `orderByFractionalIndex` of excalidraw/excalidraw. An element is a JSON
object; the merge looks at its id, version, versionNonce and index and carries all else through untouched.
Of that rule, two parts are a client's alone: it keeps an element that its own user is editing right now, whatever
comes in, and sends the edit afterwards with a higher version; and it repairs indices that two elements have in common.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from bodhisattva.servers.core.errors import InvalidData

Element = dict[str, Any]

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class _Head(msgspec.Struct, rename="camel"):
    """What every element must say about itself; `index` is its fractional index, its place in the drawing."""

    id: _Text
    type: _Text
    version: Annotated[int, msgspec.Meta(ge=1)]
    version_nonce: Annotated[int, msgspec.Meta(ge=0)]
    is_deleted: bool = False
    index: _Text | None = None


def check(elements: Iterable[Any]) -> None:
    """Raise InvalidData, with the place of the first culprit, unless every one can take part in a merge."""
    for position, element in enumerate(elements):
        try:
            msgspec.convert(element, _Head)
        except msgspec.ValidationError:
            raise InvalidData(
                "An element needs an id and a type, a version from 1 and a versionNonce from 0.",
                field=f"elements[{position}]",
            ) from None


def supersedes(candidate: Element, held: Element | None) -> bool:
    """Whether `candidate` replaces `held`: the higher version wins, between equal ones the lower nonce."""
    if held is None:
        return True
    if candidate["version"] != held["version"]:
        return bool(candidate["version"] > held["version"])
    return bool(candidate["versionNonce"] < held["versionNonce"])


def merge(held: Mapping[str, Element], incoming: Iterable[Element]) -> dict[str, Element]:
    """The incoming elements that are news to `held`, by id; `held | merge(held, incoming)` is the result.

    A deleted element stays as what it is, marked `isDeleted`: without it a late edit would bring it back.
    """
    news: dict[str, Element] = {}
    for element in incoming:
        identity = element["id"]
        if supersedes(element, news.get(identity, held.get(identity))):
            news[identity] = element
    return news


def in_order(elements: Iterable[Element]) -> list[Element]:
    """From back to front: by fractional index, ties by id; then those without index in order of arrival."""
    placed: list[Element] = []
    unplaced: list[Element] = []
    for element in elements:
        (unplaced if element.get("index") is None else placed).append(element)
    return [*sorted(placed, key=_place), *unplaced]


def _place(element: Element) -> tuple[bytes, bytes]:
    return _units(element["index"]), _units(element["id"])


def _units(text: str) -> bytes:
    """What JavaScript compares strings by: UTF-16 code units."""
    return text.encode("utf-16-be", "surrogatepass")
