"""What a mutant is made of: a decorator that names its clause, and a function that puts broken code in place."""

from collections.abc import Callable, MutableMapping
from typing import Any
from unittest.mock import patch


class Inject:
    """Puts broken code in the place of the servers' own."""

    def __call__(self, owner: Any, name: str, broken: Any) -> None:
        """Replace an attribute of a module, a class or an object. The attribute has to exist."""
        patch.object(owner, name, broken).start()

    def field(self, frozen: Any, name: str, broken: Any) -> None:
        """Replace a field of a frozen dataclass."""
        patch.dict(frozen.__dict__, {name: broken}).start()

    def item(self, mapping: MutableMapping[str, Any], key: str, broken: Any) -> None:
        """Replace the value of a key."""
        patch.dict(mapping, {key: broken}).start()


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
