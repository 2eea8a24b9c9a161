"""How two edits of one element become one: the rule of Excalidraw's own clients, so that all sides converge.

Source: `reconcileElements` and `orderByFractionalIndex` of excalidraw/excalidraw. An element is a JSON
object; the merge looks at its id, version, versionNonce and index and carries all else through untouched.
Of that rule, two parts are a client's alone: it keeps an element that its own user is editing right now, whatever
comes in, and sends the edit afterwards with a higher version; and it repairs indices that two elements have in common.
"""

from collections.abc import Iterable, Mapping

from bodhisattva.servers.excalidraw.elements import MOST, Element


def supersedes(candidate: Element, held: Element | None) -> bool:
    """Whether `candidate` replaces `held`: the higher version wins, between equal ones the lower nonce.

    Logs of earlier releases may hold a version that nobody can exceed: any that can be counted replaces it.
    """
    if held is None or held["version"] > MOST:
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
