"""Servers that are wrong in how excalidraw stores and merges drawings."""

from unittest.mock import patch

from bodhisattva.servers.core.domain import Context, Decision, Event
from bodhisattva.servers.core.envelope import convert
from bodhisattva.servers.excalidraw import domain, elements, files, merge
from bodhisattva.servers.excalidraw.domain import Content, Diagram, State, merged
from bodhisattva.servers.excalidraw.elements import MOST, Element
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "PROTOCOL-114", wrong="forgets deleted elements, so that a late edit brings them back", failure="is there again"
)
def forgets_what_was_deleted(inject: Inject) -> None:
    apply = State.apply

    def apply_and_forget(state: State, event: Event) -> None:
        apply(state, event)
        for diagram in state.diagrams.values():
            diagram.elements = {name: each for name, each in diagram.elements.items() if not each.get("isDeleted")}

    inject(State, "apply", apply_and_forget)


@mutant("PROTOCOL-220", wrong="takes versions that JavaScript cannot count", failure="is taken")
def counts_versions_without_end(inject: Inject) -> None:
    def convert_as_if_countable(element: Element, form: type[object]) -> object:
        version = element.get("version")
        return convert({**element, "version": min(version, MOST)} if isinstance(version, int) else element, form)

    inject(elements, "convert", convert_as_if_countable)


@mutant("PROTOCOL-221", wrong="takes any text for an index", failure="is taken")
def orders_by_any_text(inject: Inject) -> None:
    def convert_without_index(element: Element, form: type[object]) -> object:
        return convert({name: value for name, value in element.items() if name != "index"}, form)

    inject(elements, "convert", convert_without_index)


@mutant(
    "PROTOCOL-228", wrong="goes by the indices of a file that contradict its order", failure="drawn in another order"
)
def draws_by_contradicting_indices(inject: Inject) -> None:
    def as_indexed(elements: list[Element]) -> list[Element]:
        return elements

    inject(files, "_as_listed", as_indexed)


@mutant("PROTOCOL-222", wrong="takes whatever a file holds", failure="is taken")
def accepts_any_drawing(inject: Inject) -> None:
    def merged_unseen(diagram: Diagram, content: Content, context: Context) -> Decision:
        with patch.object(domain, "check", lambda elements: None):
            return merged(diagram, content, context)

    inject(files, "check", lambda elements: None)
    inject(files, "merged", merged_unseen)


@mutant(
    "PROTOCOL-085",
    wrong="takes each edit of an element for newer than what it holds",
    failure="after [",
    also=("PROTOCOL-114",),
)
def lets_the_last_edit_win(inject: Inject) -> None:
    inject(merge, "supersedes", lambda candidate, held: True)
