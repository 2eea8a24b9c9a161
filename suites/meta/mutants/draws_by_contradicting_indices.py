from unittest.mock import patch

from bodhisattva.servers.excalidraw import files
from bodhisattva.servers.excalidraw.elements import Element

CLAUSE = "PROTOCOL-228"
WRONG = "goes by the indices of a file that contradict its order"
SAYS = "drawn in another order"


def as_indexed(elements: list[Element]) -> list[Element]:
    return elements


def mutate() -> None:
    patch.object(files, "_as_listed", as_indexed).start()
