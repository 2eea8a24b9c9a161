"""HTML from a component's type and props.

Elements are built as a tree. The standard library's serialiser escapes every text and attribute, so that no prop
becomes markup.
"""

from typing import Annotated, Any
from xml.etree.ElementTree import Element, SubElement, tostring

import msgspec

from bodhisattva.servers.core.errors import InvalidData

Line = Annotated[str, msgspec.Meta(max_length=1000)]
Prose = Annotated[str, msgspec.Meta(max_length=100_000)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
Number = Annotated[int, msgspec.Meta(ge=0)]


class Props(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The props of a component. `fill` adds them to the root element."""


class Text(Props, frozen=True):
    """A paragraph."""

    text: Prose

    def fill(self, root: Element) -> None:
        _add(root, "p", self.text)


class Status(Props, frozen=True):
    """A status: a short name for programs and styles, and how many steps are done."""

    label: Line
    status: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,39}\Z")]
    detail: Line | None = None
    done: Number | None = None
    total: Number | None = None

    def fill(self, root: Element) -> None:
        root.set("role", "status")
        _add(root, "strong", self.label)
        _add(root, "span", self.status, {"class": f"status-{self.status}"})
        if self.done is not None:
            of_total = "" if self.total is None else f" of {self.total}"
            _add(root, "span", f"{self.done}{of_total}", {"class": "steps"})
        if self.detail is not None:
            _add(root, "p", self.detail)


class Card(Props, frozen=True):
    """A titled box."""

    title: Line
    body: Prose = ""
    footer: Line | None = None

    def fill(self, root: Element) -> None:
        _add(root, "h2", self.title)
        _add(root, "p", self.body)
        if self.footer is not None:
            _add(root, "footer", self.footer)


class Items(Props, frozen=True):
    """A bulleted list."""

    items: Annotated[list[Line], msgspec.Meta(max_length=1000)]
    title: Line | None = None

    def fill(self, root: Element) -> None:
        if self.title is not None:
            _add(root, "h2", self.title)
        bullets = _add(root, "ul")
        for item in self.items:
            _add(bullets, "li", item)


class Progress(Props, frozen=True):
    """A bar that shows `value` as a part of `maximum`; a greater value shows as full."""

    label: Line
    value: Amount
    maximum: Annotated[float, msgspec.Meta(gt=0, le=1e15)] = 100

    def fill(self, root: Element) -> None:
        label = _add(root, "label", self.label)
        value = min(self.value, self.maximum)
        _add(label, "progress", "", {"value": f"{value:.15g}", "max": f"{self.maximum:.15g}"})


COMPONENTS: dict[str, type[Text | Status | Card | Items | Progress]] = {
    "text": Text,
    "status": Status,
    "card": Card,
    "list": Items,
    "progress": Progress,
}


def render(component_id: str, component_type: str, props: dict[str, Any]) -> str:
    """The component as HTML; InvalidData if there is no such type or the props do not fit it."""
    component = COMPONENTS.get(component_type)
    if component is None:
        raise InvalidData("There is no such component.", field="component_type", expected=sorted(COMPONENTS))
    try:
        content = msgspec.convert(props, component)
    except msgspec.ValidationError:
        takes = [field.name for field in msgspec.structs.fields(component)]
        raise InvalidData(f"These are no props of {component_type}.", field="props", expected=takes) from None
    root = Element("div", {"id": component_id, "class": f"component {component_type}"})
    content.fill(root)
    return tostring(root, encoding="unicode", method="html")


def _add(parent: Element, tag: str, text: str = "", attributes: dict[str, str] | None = None) -> Element:
    element = SubElement(parent, tag, attributes or {})
    element.text = text
    return element
