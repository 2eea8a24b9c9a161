import asyncio
from collections.abc import Callable
from typing import TypeVar
from unittest.mock import patch

from bodhisattva.servers.core.engine.aside import Aside
from bodhisattva.servers.session_buddy import snippets

CLAUSE = "PERFORMANCE-210"
WRONG = "searches while all others wait, and takes the snippet of a whole text"
SAYS = "another client waited"

T = TypeVar("T")


def run_at_once(aside: Aside, work: Callable[[], T], then: "Callable[[asyncio.Future[T]], None]") -> None:
    done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    done.set_result(work())
    then(done)


def mutate() -> None:
    patch.object(Aside, "run", run_at_once).start()
    patch.object(snippets, "_pieces", lambda text: [text]).start()
