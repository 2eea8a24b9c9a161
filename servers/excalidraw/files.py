"""`.excalidraw` files in and out. Source of their form: `serializeAsJSON` of excalidraw/excalidraw, version 2.

Elements, images and all other fields of the file are exported as they were imported.
"""

from collections import Counter
from typing import Any, Literal

import msgspec

from bodhisattva.servers.core.domain import Context, Decision
from bodhisattva.servers.core.envelope import convert
from bodhisattva.servers.core.inputs import Id, Name
from bodhisattva.servers.excalidraw.domain import Content, Elements, State, created, merged
from bodhisattva.servers.excalidraw.elements import Element, check, nth_index
from bodhisattva.servers.excalidraw.images import Files
from bodhisattva.servers.excalidraw.merge import in_order

VERSION = 2
_BASE = 190  # characters of an id that is taken, which leaves some of its 200 for a number
_READ = ("type", "version", "elements", "files")


class _Document(msgspec.Struct):
    """The fields of the file that are read. Older files have no `files`; the last three may be null."""

    type: Literal["excalidraw"]
    version: Literal[1, 2] = 2
    elements: Elements | None = None
    app_state: dict[str, Any] | None = msgspec.field(default=None, name="appState")
    files: Files | None = None


class ImportDiagram(msgspec.Struct, frozen=True):
    """document: an `.excalidraw` file's JSON. name: of a new diagram."""

    document: dict[str, Any]
    diagram_id: Id | None = None
    name: Name = "Untitled"


class ExportDiagram(msgspec.Struct, frozen=True):
    """include_deleted: export deleted elements too, and images that no element shows any more."""

    diagram_id: Id
    include_deleted: bool = False


def import_diagram(state: State, data: ImportDiagram, context: Context) -> Decision:
    """Create a diagram from the file, or merge it into an existing one as update_diagram does."""
    document = convert(data.document, _Document)
    elements = [_restored(element) for element in document.elements or []]
    check(elements)
    elements = _as_listed(_distinct(elements))
    envelope = {name: value for name, value in data.document.items() if name not in _READ}
    content = Content(elements, document.files or {}, envelope)
    if data.diagram_id in state.diagrams:
        return merged(state.diagrams[data.diagram_id], content, context)
    diagram_id = data.diagram_id or context.new_id()
    event = created(diagram_id, data.name, content, context)
    accepted = [element["id"] for element in event.data["elements"]]
    answer = {"diagram_id": diagram_id, "version": 1, "accepted": accepted, "superseded": []}
    return Decision(answer, (event,))


def _restored(element: Element) -> Element:
    """Fill in what the merge needs and other tools leave out or null, with the values of Excalidraw's loader."""
    version, nonce = element.get("version"), element.get("versionNonce")
    merged_by = {"version": version if version not in (None, 0) else 1, "versionNonce": 0 if nonce is None else nonce}
    if element.get("isDeleted", ...) is None:
        merged_by["isDeleted"] = False
    return {**element, **merged_by}


def _distinct(elements: list[Element]) -> list[Element]:
    """Give elements that share an id new ones, as Excalidraw's loader does. The same file gives the same ids."""
    taken, repeated = {element["id"] for element in elements}, Counter[str]()
    found: dict[str, Element] = {}
    for element in elements:
        identity = element["id"]
        if identity in found:
            while identity in taken:
                repeated[element["id"]] += 1
                identity = f"{element['id'][:_BASE]}-{repeated[element['id']] + 1}"
            taken.add(identity)
        found[identity] = {**element, "id": identity}
    return list(found.values())


def _as_listed(elements: list[Element]) -> list[Element]:
    """Keep the order of the file. If the indices contradict it, all elements get new ones."""
    listed = [element["id"] for element in elements]
    if listed == [element["id"] for element in in_order(elements)]:
        return elements
    return [{**element, "index": nth_index(place)} for place, element in enumerate(elements)]


def export_diagram(state: State, data: ExportDiagram, context: Context) -> dict[str, Any]:
    """The diagram as the JSON of an `.excalidraw` file."""
    diagram = state.diagram(data.diagram_id)
    elements, files = in_order(diagram.elements.values()), diagram.files
    if not data.include_deleted:
        elements = [element for element in elements if not element.get("isDeleted")]
        shown = {file for element in elements if isinstance(file := element.get("fileId"), str)}
        files = {identity: file for identity, file in files.items() if identity in shown}
    document = {"source": "bodhisattva", "appState": {}, **diagram.envelope}
    document = {"type": "excalidraw", "version": VERSION, **document, "elements": elements, "files": files}
    return {"diagram_id": diagram.diagram_id, "document": document}
