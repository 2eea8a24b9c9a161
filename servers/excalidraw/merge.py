"""The merge of two edits of one element, by the rule of Excalidraw's own clients, so that all sides converge.

Source: `reconcileElements` and `orderByFractionalIndex` of excalidraw/excalidraw. An element is a JSON
object. The merge reads its id, version, versionNonce and index, and keeps all else unchanged.
Two parts of that rule are a client's alone. It keeps an element that its user is editing, and sends the edit afterwards
with a higher version. It repairs indices that two elements have in common.
"""

from collections.abc import Iterable, Mapping

from bodhisattva.servers.excalidraw.elements import MOST, Element


def supersedes(candidate: Element, held: Element | None) -> bool:
    """Whether `candidate` replaces `held`: the higher version wins, between equal ones the lower nonce.

    Logs of earlier releases may hold a version over MOST, which no edit could exceed: any edit replaces it.
    """
    if held is None or held["version"] > MOST:
        return True
    if candidate["version"] != held["version"]:
        return bool(candidate["version"] > held["version"])
    return bool(candidate["versionNonce"] < held["versionNonce"])


def merge(held: Mapping[str, Element], incoming: Iterable[Element]) -> dict[str, Element]:
    """The incoming elements that are news to `held`, by id; `held | merge(held, incoming)` is the result.

    A deleted element stays, marked `isDeleted`. Without it a late edit would restore the element.
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
    """UTF-16 code units, by which JavaScript compares strings."""
    return text.encode("utf-16-be", "surrogatepass")
