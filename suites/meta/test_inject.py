"""Broken code marks that it was reached, whatever kind of thing it is put in the place of."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from bodhisattva.suites.meta.inject import Inject
from bodhisattva.suites.meta.marks import Marks

KILLED = """
import os, sys
from pathlib import Path
from bodhisattva.suites.meta.inject import Inject
from bodhisattva.suites.meta.marks import Marks

class Server:
    def answer(self): ...

Inject(Marks(Path(sys.argv[1])))(Server, "answer", lambda server: None)
if os.fork() == 0:
    Server().answer()
    os.kill(os.getpid(), 9)
os.wait()
os.kill(os.getpid(), 9)
"""


class Server:
    """What the tests make wrong."""

    limit = 1

    def answer(self) -> str:
        return "right"

    async def answer_later(self) -> str:
        return "right"

    async def events(self) -> AsyncIterator[str]:
        yield "right"

    @property
    def name(self) -> str:
        return "right"

    def limited(self) -> int:
        return self.limit


async def wrong_later(_: Server) -> str:
    return "wrong"


async def wrong_events(_: Server) -> AsyncIterator[str]:
    yield "wrong"


async def first(server: Server) -> str:
    return await anext(server.events())


@pytest.fixture
def marks(tmp_path: Path) -> Iterator[Marks]:
    yield Marks(tmp_path)
    patch.stopall()


@pytest.mark.parametrize(
    ("name", "broken", "call"),
    [
        ("answer", lambda _: "wrong", lambda server: server.answer()),
        ("answer_later", wrong_later, lambda server: asyncio.run(server.answer_later())),
        ("events", wrong_events, lambda server: asyncio.run(first(server))),
        ("name", property(lambda _: "wrong"), lambda server: server.name),
    ],
)
def test_what_is_called_marks_its_place(marks: Marks, name: str, broken: Any, call: Any) -> None:
    Inject(marks)(Server, name, broken)
    assert marks.any_injected()
    assert marks.not_reached() == [f"Server.{name}"]
    assert call(Server()) == "wrong"
    assert marks.not_reached() == []


def test_a_broken_coroutine_function_stays_one(marks: Marks) -> None:
    Inject(marks)(Server, "answer_later", wrong_later)
    assert asyncio.iscoroutinefunction(Server.answer_later)


def test_a_constant_is_reached_by_its_reader(marks: Marks) -> None:
    Inject(marks).constant(Server, "limit", 2, reader=(Server, "limited"))
    assert marks.not_reached() == ["Server.limit"]
    assert Server().limited() == 2
    assert marks.not_reached() == []


def test_a_constant_that_its_reader_does_not_name_is_refused() -> None:
    with pytest.raises(LookupError, match=r"Server\.answer does not read limit"):
        Inject().constant(Server, "limit", 2, reader=(Server, "answer"))


def test_a_constant_without_a_reader_is_refused() -> None:
    with pytest.raises(TypeError, match=r"inject\.constant"):
        Inject()(Server, "limit", 2)


def test_what_is_not_there_cannot_be_replaced() -> None:
    with pytest.raises(AttributeError):
        Inject()(Server, "no_such_method", lambda _: None)


def test_an_item_marks_its_key(marks: Marks) -> None:
    handlers: dict[str, Any] = {"created": lambda: "right"}
    Inject(marks).item(handlers, "created", lambda: "wrong")
    assert marks.not_reached() == ["created"]
    assert handlers["created"]() == "wrong"
    assert marks.not_reached() == []


def test_a_module_gives_its_last_name(marks: Marks) -> None:
    module = SimpleNamespace(__name__="servers.core.tokens", check=lambda: "right")
    Inject(marks)(module, "check", lambda: "wrong")
    assert marks.not_reached() == ["tokens.check"]


def test_a_mark_outlives_processes_that_are_killed(marks: Marks) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(marks.folder)], check=False)  # noqa: S603 - our own
    assert killed.returncode == -signal.SIGKILL
    assert marks.any_injected()
    assert marks.not_reached() == []
