"""aiohttp's names beyond its documented interface that the servers use, each as the tested minor has it.

A name that is missing or has other parameters here is what a newer minor has changed. `docs/decisions.md` gives
the reasons for their use; `nox -s canary` runs the servers' tests against the newest aiohttp.
"""

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp._websocket.helpers import websocket_mask
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader

from bodhisattva import servers

CORE = Path(next(iter(servers.__path__))).resolve() / "core"
CHECKOUT = CORE.parents[1]
IMPORTED = {
    "aiohttp._websocket.helpers.websocket_mask",
    "aiohttp._websocket.reader.WebSocketDataQueue",
    "aiohttp._websocket.reader.WebSocketReader",
}
# Methods that are overridden or called, and their parameters.
METHODS: dict[tuple[type, str], tuple[str, ...]] = {
    (web.RequestHandler, "connection_lost"): ("self", "exc"),
    (web.RequestHandler, "handle_error"): ("self", "request", "status", "exc", "message"),
    (web.WebSocketResponse, "_handshake"): ("self", "request"),
    (web.WebSocketResponse, "_post_start"): ("self", "request", "protocol", "writer"),
}
# Attributes of the connection's handler that the upgrade reads and clears.
SLOTS = ("_message_tail", "transport")


def parameters(function: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def private_imports() -> Iterator[str]:
    for file in CORE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aiohttp._"):
                yield from (f"{node.module}.{name.name}" for name in node.names)


def test_every_private_import_is_listed() -> None:
    assert set(private_imports()) == IMPORTED


@pytest.mark.parametrize("name", sorted(IMPORTED))
def test_a_private_name_is_there(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert hasattr(import_module(module), attribute)


def test_the_reader_hands_a_masked_frame_to_its_queue() -> None:
    received: list[Any] = []

    class Queue(WebSocketDataQueue):
        def __init__(self) -> None:
            super().__init__(None, 0, loop=None)  # type: ignore[arg-type] # as the servers make it

        def feed_data(self, data: Any, size: int) -> None:
            received.append((data.type, data.data, size))

    WebSocketReader(Queue(), 1024, compress=False, decode_text=True).feed_data(b"\x81\x82\0\0\0\0hi")
    assert received == [(WSMsgType.TEXT, "hi", 2)]


def test_the_mask_is_applied_in_place() -> None:
    data = bytearray(b"hi")
    websocket_mask(b"\1\2\3\4", data)
    assert data == bytes([ord("h") ^ 1, ord("i") ^ 2])


@pytest.mark.parametrize(("owner", "name"), METHODS, ids=lambda part: getattr(part, "__name__", part))
def test_a_method_is_called_as_it_is_overridden(owner: type, name: str) -> None:
    assert parameters(getattr(owner, name)) == METHODS[owner, name]


@pytest.mark.parametrize("name", SLOTS)
def test_a_handler_has_the_attributes_that_the_upgrade_takes(name: str) -> None:
    assert any(name in getattr(owner, "__slots__", ()) for owner in web.RequestHandler.__mro__)


def test_only_the_tested_minor_is_allowed() -> None:
    (locked,) = re.findall(r"^aiohttp==(\d+)\.(\d+)\.", (CHECKOUT / "ci/constraints.txt").read_text(), re.MULTILINE)
    major, minor = map(int, locked)
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert f"aiohttp>={major}.{minor},<{major}.{minor + 1}" in project["dependencies"]
