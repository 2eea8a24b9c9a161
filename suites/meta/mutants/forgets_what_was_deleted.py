from unittest.mock import patch

from bodhisattva.servers.core.domain import Event
from bodhisattva.servers.excalidraw.domain import State

CLAUSE = "PROTOCOL-114"
WRONG = "forgets deleted elements, so that a late edit brings them back"
SAYS = "is there again"

apply = State.apply


def apply_and_forget(state: State, event: Event) -> None:
    apply(state, event)
    for diagram in state.diagrams.values():
        diagram.elements = {name: each for name, each in diagram.elements.items() if not each.get("isDeleted")}


def mutate() -> None:
    patch.object(State, "apply", apply_and_forget).start()
