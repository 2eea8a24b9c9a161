"""What a mutant is made of: a decorator that names its clause, and a function that puts broken code in place.

Whatever is put in place marks when it is reached. A mutant whose place is never reached is not injected: it is a right
server, and proves nothing about its clause.
"""

import inspect
from collections.abc import Callable, MutableMapping
from functools import wraps
from typing import Any
from unittest.mock import patch

from bodhisattva.suites.meta.marks import Marks


class Inject:
    """Puts broken code in the place of the servers' own."""

    def __init__(self, marks: Marks | None = None) -> None:
        self._marks = marks or Marks()

    def __call__(self, owner: Any, name: str, broken: Any, *, required: bool = True) -> None:
        """Replace what is called: a function or class of a module, or a method or property of a class.

        required: whether the mutant is wrong only if this is reached. False is for code that confines the mutant to one
        error, such as a right end for a server that the clause kills.
        """
        place = _place(owner, name)
        reached = self._marks.injected(place) if required else _nothing
        patch.object(owner, name, _marking(broken, reached, place)).start()

    def constant(self, owner: Any, name: str, value: object, *, reader: tuple[Any, str]) -> None:
        """Replace a value that is not called.

        reader: owner and name of a function that reads it each time. Its call is what counts as reaching the value.
        Raises LookupError if the function does not name the value.
        """
        where, function = reader
        reading = getattr(where, function)
        if name not in inspect.unwrap(reading).__code__.co_names:
            raise LookupError(f"{_place(*reader)} does not read {name}")
        place = _place(owner, name)
        patch.object(owner, name, value).start()
        patch.object(where, function, _marking(reading, self._marks.injected(place), place)).start()

    def item(self, mapping: MutableMapping[str, Any], key: str, broken: Callable[..., Any]) -> None:
        """Replace the function that a mapping has for a key."""
        patch.dict(mapping, {key: _marking(broken, self._marks.injected(key), key)}).start()


Mutation = Callable[[Inject], None]


def mutant(
    clause: str, *, wrong: str, failure: str, also: tuple[str, ...] = (), besides: tuple[str, ...] = ()
) -> Callable[[Mutation], Mutation]:
    """Make a function of `mutants` a mutant. `registry` reads the arguments, all literals, off the source.

    clause: id of the clause that must reject it. wrong: what is wrong, in a sentence that begins with a verb.
    failure: what the clause's failure must contain. also: ids of clauses that fail for the same cause.
    besides: services that the clause needs besides those that it is about.
    """
    return lambda mutation: mutation


def _nothing() -> None:
    """Mark nothing."""


def _place(owner: Any, name: str) -> str:
    return f"{owner.__name__.rpartition('.')[2]}.{name}"


def _marking(broken: Any, reached: Callable[[], None], place: str) -> Any:
    """The same code, which marks its place whenever it is called."""
    if isinstance(broken, property):
        return property(_marking(broken.fget, reached, place))
    if not callable(broken):
        raise TypeError(f"{place} is not called; inject.constant takes the function that reads it")
    if inspect.iscoroutinefunction(broken):

        @wraps(broken)
        async def awaited(*arguments: Any, **options: Any) -> Any:
            reached()
            return await broken(*arguments, **options)

        return awaited

    @wraps(broken)
    def called(*arguments: Any, **options: Any) -> Any:
        reached()
        return broken(*arguments, **options)

    return called
