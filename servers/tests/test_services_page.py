"""docs/services.md gives each request the inputs that it takes, and a question mark to those that may be left out."""

import re
from pathlib import Path

import msgspec
import pytest

from bodhisattva.servers.core.service import Handler, Service
from bodhisattva.servers.registry import services

PAGE = (Path(__file__).resolve().parents[2] / "docs/services.md").read_text(encoding="utf-8")
PAGING = {"after?", "limit?"}  # the page names them once, for all lists


@pytest.mark.parametrize("service", services().values(), ids=lambda service: service.name)
def test_the_page_lists_the_inputs_of_every_request(service: Service) -> None:
    section = PAGE.partition(f"\n## {service.name}\n")[2].partition("\n## ")[0]
    bullets = section.partition("- Commands:")[2].partition("- Events:")[0]
    shown = {name: _inputs(text) for name, text in re.findall(r"`(\w+)`(?:\s+\{((?:[^{}]|\{[^{}]*\})*)\})?", bullets)}
    handlers = {**service.command_handlers, **service.query_handlers}
    assert shown == {name: _taken(handler) for name, handler in handlers.items()}


def _inputs(text: str) -> set[str]:
    """Of `a, b?: x or y, c: [{d, e?}]` the a, b? and c, but for those of paging."""
    flat = re.sub(r"\{.*?\}", "", text)
    return {part.partition(":")[0].split()[0] for part in flat.split(",") if part.strip()} - PAGING


def _taken(handler: Handler) -> set[str]:
    fields = msgspec.structs.fields(handler.input_type)
    return {field.name if field.required else f"{field.name}?" for field in fields} - PAGING
