from unittest.mock import patch

from bodhisattva.servers.core.envelope import convert
from bodhisattva.servers.excalidraw import elements
from bodhisattva.servers.excalidraw.elements import Element

CLAUSE = "PROTOCOL-221"
WRONG = "takes any text for an index"
SAYS = "is taken"


def convert_without_index(element: Element, form: type[object]) -> object:
    return convert({name: value for name, value in element.items() if name != "index"}, form)


def mutate() -> None:
    patch.object(elements, "convert", convert_without_index).start()
