"""A command or query as it is served: its wire name, the type of its data, and the function behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, get_type_hints

from bodhisattva.servers.core.domain import Context, State

Prepare = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Handler:
    """A command or query: its wire name, the type of its data, the function that decides or answers.

    prepare: makes of the data what the function takes, off the loop.
    """

    name: str
    input_type: type[Any]
    function: Callable[[Any, Any, Context], Any]
    per_connection: bool = False
    prepare: Prepare | None = None

    @classmethod
    def of(
        cls,
        function: Callable[[Any, Any, Context], Any],
        *,
        per_connection: bool = False,
        prepare: Prepare | None = None,
    ) -> Self:
        """Read name and input type off `def name(state, data: Input, context)`, or else off `prepare`."""
        reader = prepare or function
        parameter = list(reader.__annotations__)[1]
        return cls(function.__name__, get_type_hints(reader)[parameter], function, per_connection, prepare)

    def answer(self, state: State, asked: Any, context: Context) -> Any:
        """Answer or decide at once, whatever is to be prepared."""
        ready = asked if self.prepare is None else self.prepare(state, asked)
        return self.function(state, ready, context)
