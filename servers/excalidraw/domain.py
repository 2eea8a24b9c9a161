"""Diagrams: elements that several people edit at once.

Elements are merged by `merge.py`, so clients may send an edit twice, late, or at the same time as another's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import msgspec

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.errors import LimitExceeded
from bodhisattva.servers.core.inputs import Id, Name, Paging, claim_id, find, page
from bodhisattva.servers.excalidraw.elements import Element, check
from bodhisattva.servers.excalidraw.images import Files, check_files
from bodhisattva.servers.excalidraw.merge import in_order, merge

# Of a diagram, deleted ones included, since an answer to get_diagram has to fit into a connection's queue (protocol 4).
MOST_ELEMENTS = 20_000
Elements = Annotated[list[Element], msgspec.Meta(max_length=10_000)]


@dataclass
class Diagram:
    """One diagram; `version` rises by one with every event that changed it.

    files: the images of its elements, by id. envelope: the other fields of its `.excalidraw` file (see `files.py`).
    """

    diagram_id: str
    name: str
    version: int
    created_by: str
    created_at: str
    updated_by: str
    updated_at: str
    elements: dict[str, Element] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    envelope: dict[str, Any] = field(default_factory=dict)

    def status(self) -> dict[str, Any]:
        deleted = sum(bool(element.get("isDeleted")) for element in self.elements.values())
        return {
            "diagram_id": self.diagram_id,
            "name": self.name,
            "version": self.version,
            "element_count": len(self.elements) - deleted,
            "deleted_count": deleted,
            "created_by": self.created_by,
            "created_at": self.created_at,
            "updated_by": self.updated_by,
            "updated_at": self.updated_at,
        }


class Content(NamedTuple):
    """The content of a file or an edit. envelope: None leaves the diagram's unchanged."""

    elements: list[Element]
    files: dict[str, dict[str, Any]]
    envelope: dict[str, Any] | None = None


@dataclass
class State:
    """Every diagram that was created and not deleted."""

    diagrams: dict[str, Diagram] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        data = event.data
        match event.name:
            case "diagram.created":
                self.diagrams[data["diagram_id"]] = Diagram(
                    diagram_id=data["diagram_id"],
                    name=data["name"],
                    version=data["version"],
                    created_by=data["user_id"],
                    created_at=data["created_at"],
                    updated_by=data["user_id"],
                    updated_at=data["created_at"],
                    elements={element["id"]: element for element in data["elements"]},
                    files=data.get("files", {}),
                    envelope=data.get("envelope", {}),
                )
            case "diagram.updated":
                diagram = self.diagrams[data["diagram_id"]]
                diagram.elements |= {element["id"]: element for element in data["elements"]}
                diagram.files |= data.get("files", {})
                diagram.envelope = data.get("envelope", diagram.envelope)
                diagram.version = data["version"]
                diagram.updated_by = data["user_id"]
                diagram.updated_at = data["updated_at"]
            case "diagram.deleted":
                del self.diagrams[data["diagram_id"]]
            case other:
                raise ValueError(f"excalidraw records no event {other!r}")

    def diagram(self, diagram_id: str) -> Diagram:
        """The diagram with that id, or NotFound."""
        return find(self.diagrams, diagram_id, "diagram_id", "There is no such diagram.")


class CreateDiagram(msgspec.Struct, frozen=True):
    diagram_id: Id | None = None
    name: Name = "Untitled"
    elements: Elements = []
    files: Files = {}


class UpdateDiagram(msgspec.Struct, frozen=True):
    diagram_id: Id
    elements: Elements
    files: Files = {}


class OneDiagram(msgspec.Struct, frozen=True):
    diagram_id: Id


class GetDiagram(msgspec.Struct, frozen=True):
    diagram_id: Id
    include_deleted: bool = True


def create_diagram(state: State, data: CreateDiagram, context: Context) -> Decision:
    """A new diagram; Conflict if the id is taken."""
    diagram_id = claim_id(state.diagrams, data.diagram_id, "diagram_id", context)
    event = created(diagram_id, data.name, Content(data.elements, data.files), context)
    return Decision({"diagram_id": diagram_id, "version": 1}, (event,))


def update_diagram(state: State, data: UpdateDiagram, context: Context) -> Decision:
    """Merge the elements. A stale element changes nothing and records nothing.

    The answer has the diagram's version, the ids `accepted`, and as `superseded` the held elements that won over
    sent ones, which bring the sender up to date.
    """
    return merged(state.diagram(data.diagram_id), Content(data.elements, data.files), context)


def created(diagram_id: str, name: str, content: Content, context: Context) -> Event:
    check(content.elements)
    check_files({}, content.files)
    data = {
        "diagram_id": diagram_id,
        "name": name,
        "elements": list(merge({}, content.elements).values()),
        "files": content.files,
        "envelope": content.envelope or {},
        "version": 1,
        "user_id": context.user_id,
        "created_at": context.now.isoformat(),
    }
    return _recorded("diagram.created", data)


def merged(diagram: Diagram, content: Content, context: Context) -> Decision:
    check(content.elements)
    check_files(diagram.files, content.files)
    news = merge(diagram.elements, content.elements)
    if len(diagram.elements) + sum(identity not in diagram.elements for identity in news) > MOST_ELEMENTS:
        raise LimitExceeded("The diagram has too many elements.", field="elements", limit=MOST_ELEMENTS)
    # A file's id is a digest of its content, so what is held under it is the same.
    files = {identity: file for identity, file in content.files.items() if identity not in diagram.files}
    envelope = diagram.envelope if content.envelope is None else content.envelope
    version = diagram.version + bool(news or files or envelope != diagram.envelope)
    answer = {
        "diagram_id": diagram.diagram_id,
        "version": version,
        "accepted": list(news),
        "superseded": list(_winners(diagram, content.elements, news)),
    }
    if version == diagram.version:
        return Decision(answer)
    updated = {
        "diagram_id": diagram.diagram_id,
        "elements": list(news.values()),
        "files": files,
        **({} if envelope == diagram.envelope else {"envelope": envelope}),
        "version": version,
        "user_id": context.user_id,
        "updated_at": context.now.isoformat(),
    }
    return Decision(answer, events=(_recorded("diagram.updated", updated),))


def _winners(diagram: Diagram, sent: list[Element], news: dict[str, Element]) -> Iterator[Element]:
    """The held elements that won over sent ones. Clients may send a whole scene, so each is compared by id only."""
    known = {element["id"] for element in sent if diagram.elements.get(element["id"]) == element}
    for identity in dict.fromkeys(element["id"] for element in sent):
        if identity not in news and identity not in known:
            yield diagram.elements[identity]


def delete_diagram(state: State, data: OneDiagram, context: Context) -> Decision:
    """Remove the diagram; its id may be used again."""
    diagram = state.diagram(data.diagram_id)
    deleted = {
        "diagram_id": data.diagram_id,
        "version": diagram.version + 1,
        "user_id": context.user_id,
        "deleted_at": context.now.isoformat(),
    }
    return Decision(
        answer={"diagram_id": data.diagram_id, "status": "deleted"},
        events=(_recorded("diagram.deleted", deleted),),
    )


def get_diagram(state: State, data: GetDiagram, context: Context) -> dict[str, Any]:
    """The diagram with its elements from back to front, by default with the deleted ones."""
    diagram = state.diagram(data.diagram_id)
    elements = in_order(diagram.elements.values())
    if not data.include_deleted:
        elements = [element for element in elements if not element.get("isDeleted")]
    return diagram.status() | {"elements": elements, "files": diagram.files}


def get_diagram_status(state: State, data: OneDiagram, context: Context) -> dict[str, Any]:
    """The diagram without its elements."""
    return state.diagram(data.diagram_id).status()


def list_diagrams(state: State, data: Paging, context: Context) -> dict[str, Any]:
    """The statuses of a page of diagrams, and the `after` of the next page, null on the last."""
    diagrams, after = page(state.diagrams, data, lambda _: True)
    return {"diagrams": [diagram.status() for diagram in diagrams], "next": after}


def _recorded(name: str, data: dict[str, Any]) -> Event:
    return Event(name, (f"diagram:{data['diagram_id']}",), data)
