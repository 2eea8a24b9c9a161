"""A tree of JSON values in which every node counts its changes, so that a writer can compare before it sets.

An object is an inner node whose keys lead to its children; anything else, lists and null too, is a leaf. A change
counts at the node that is set, at every node below it, and at every node above it, because a node's value includes
what lies below. A node that vanishes keeps its count, so that a version never names two different values.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Mark(Enum):
    """What a node holds."""

    ABSENT = "absent"
    OBJECT = "object"
    LEAF = "leaf"


@dataclass
class Node:
    """One place of the tree; `version` is 0 until something is there for the first time."""

    version: int = 0
    children: dict[str, "Node"] = field(default_factory=dict)
    _mark: Mark = Mark.ABSENT
    _leaf: Any = None

    @property
    def exists(self) -> bool:
        return self._mark is not Mark.ABSENT

    @property
    def is_leaf(self) -> bool:
        return self._mark is Mark.LEAF

    @property
    def value(self) -> Any:
        """The JSON value of the node with all that lies below, or Mark.ABSENT."""
        if self._mark is not Mark.OBJECT:
            return self._leaf if self.is_leaf else Mark.ABSENT
        return {key: child.value for key, child in self.children.items() if child.exists}

    def find(self, keys: list[str]) -> "Node | None":
        """The node there, which may be one that vanished; None if there never was one."""
        node = self
        for key in keys:
            if (child := node.children.get(key)) is None:
                return None
            node = child
        return node

    def leaf_above(self, keys: list[str]) -> int | None:
        """How many keys lead to a leaf that stands in the way of a node at `keys`; None if nothing does."""
        for depth, node in enumerate(self._walk(keys[:-1])):
            if node is not None and node.is_leaf:
                return depth
        return None

    def set(self, keys: list[str], value: Any) -> int:
        """Put the value there, making the nodes above it, and return the node's new version."""
        node = self
        for key in keys:
            node._become(Mark.OBJECT)
            node.version += 1
            node = node.children.setdefault(key, Node())
        node._replace(value)
        return node.version

    def remove(self, keys: list[str]) -> None:
        """Let the node there, which exists, vanish with all below; it counts there and at the nodes above."""
        node = self
        for key in keys:
            node.version += 1
            node = node.children[key]
        node._vanish()
        node.version += 1

    def new_nodes(self, keys: list[str], value: Any) -> int:
        """How many nodes `set` would add to those that there are, vanished ones included."""
        nodes = list(self._walk(keys))[1:]
        return sum(node is None for node in nodes) + _new_below(nodes[-1], value)

    def size(self) -> int:
        """How many nodes lie below, vanished ones included."""
        return sum(1 + child.size() for child in self.children.values())

    def next_version(self, keys: list[str]) -> int:
        """What `set` there would return."""
        node = self.find(keys)
        return node.version + 1 if node else 1

    def _walk(self, keys: list[str]) -> "Iterator[Node | None]":
        node: Node | None = self
        yield node
        for key in keys:
            node = node.children.get(key) if node else None
            yield node

    def _replace(self, value: Any) -> None:
        below = value if isinstance(value, dict) else {}
        for key, child in self.children.items():
            if key not in below:
                child._vanish()
        for key, each in below.items():
            if key not in self.children:
                self.children[key] = Node()
            self.children[key]._replace(each)
        self.version += 1
        if isinstance(value, dict):
            self._become(Mark.OBJECT)
        else:
            self._become(Mark.LEAF, value)

    def _vanish(self) -> None:
        """What has vanished holds nothing that has not."""
        if self.exists:
            for child in self.children.values():
                child._vanish()
            self._become(Mark.ABSENT)

    def _become(self, mark: Mark, leaf: Any = None) -> None:
        self._mark, self._leaf = mark, leaf


def _new_below(node: Node | None, value: Any) -> int:
    if not isinstance(value, dict):
        return 0
    children = node.children if node else {}
    return sum((key not in children) + _new_below(children.get(key), below) for key, below in value.items())
