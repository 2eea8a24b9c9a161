"""Servers that are wrong in the pages of fastblocks."""

from collections.abc import Mapping
from html import unescape
from typing import Any
from xml.etree.ElementTree import tostring

from bodhisattva.servers.fastblocks import domain, follow, render
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant("PROTOCOL-086", wrong="sets state whatever version was expected", failure="was not refused")
def sets_over_newer_state(inject: Inject) -> None:
    inject(domain, "_check_version", lambda state, data: None)


@mutant(
    "CROSS-002",
    wrong="does not count the completed stages where it shows a workflow",
    failure="(None, None) != (None, 1)",
)
def counts_no_stages_on_its_page(inject: Inject) -> None:
    stage_completed = follow._stage_completed

    def uncounted(workflow: Any, props: Mapping[str, Any]) -> dict[str, Any]:
        return stage_completed(workflow, props) | {"done": props.get("done") or 0}

    inject.item(follow._CHANGES, "workflow.stage_completed", uncounted)


@mutant("PROTOCOL-115", wrong="writes what it is given into its HTML as it is", failure="markup was let through")
def does_not_escape_markup(inject: Inject) -> None:
    def write_as_it_is(root: Any, **options: Any) -> str:
        return unescape(tostring(root, **options))

    inject(render, "tostring", write_as_it_is)
