from unittest.mock import patch

from bodhisattva.servers.core.envelope import convert
from bodhisattva.servers.excalidraw import elements
from bodhisattva.servers.excalidraw.elements import MOST, Element

CLAUSE = "PROTOCOL-220"
WRONG = "takes versions that JavaScript cannot count"
SAYS = "is taken"


def convert_as_if_countable(element: Element, form: type[object]) -> object:
    version = element.get("version")
    return convert({**element, "version": min(version, MOST)} if isinstance(version, int) else element, form)


def mutate() -> None:
    patch.object(elements, "convert", convert_as_if_countable).start()
