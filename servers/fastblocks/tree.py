"""A tree of JSON values with a version at every node, for compare-and-set.

An object is an inner node with a child for each key. Any other value, lists and null too, is a leaf. A change counts at
the node that is set, at every node below it, and at every node above it, whose value includes it. A removed node keeps
its version, so that a version never names two different values.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Kind(Enum):
    """The kind of a node's value."""

    ABSENT = "absent"
    OBJECT = "object"
    LEAF = "leaf"


@dataclass
class Node:
    """A node of the tree. version: 0 until it has a value for the first time."""

    version: int = 0
    children: dict[str, "Node"] = field(default_factory=dict)
    _mark: Kind = Kind.ABSENT  # snapshots have it by this name
    _leaf: Any = None

    @property
    def exists(self) -> bool:
        return self._mark is not Kind.ABSENT

    @property
    def is_leaf(self) -> bool:
        return self._mark is Kind.LEAF

    @property
    def value(self) -> Any:
        """The JSON value of the node and all below it, or Kind.ABSENT."""
        if self._mark is not Kind.OBJECT:
            return self._leaf if self.is_leaf else Kind.ABSENT
        return {key: child.value for key, child in self.children.items() if child.exists}

    def find(self, keys: list[str]) -> "Node | None":
        """The node at these keys, which may be a removed one; None if there never was one."""
        node = self
        for key in keys:
            if (child := node.children.get(key)) is None:
                return None
            node = child
        return node

    def leaf_above(self, keys: list[str]) -> int | None:
        """The depth of a leaf that makes a node at `keys` impossible; None if there is none."""
        for depth, node in enumerate(self._walk(keys[:-1])):
            if node is not None and node.is_leaf:
                return depth
        return None

    def set(self, keys: list[str], value: Any) -> int:
        """Set the value, make the nodes above it, and return the node's new version."""
        node = self
        for key in keys:
            node._become(Kind.OBJECT)
            node.version += 1
            node = node.children.setdefault(key, Node())
        node._replace(value)
        return node.version

    def remove(self, keys: list[str]) -> None:
        """Remove an existing node and all below it. The change counts there and at the nodes above."""
        node = self
        for key in keys:
            node.version += 1
            node = node.children[key]
        node._remove()
        node.version += 1

    def new_nodes(self, keys: list[str], value: Any) -> int:
        """How many nodes `set` would add; removed ones exist already."""
        nodes = list(self._walk(keys))[1:]
        return sum(node is None for node in nodes) + _new_below(nodes[-1], value)

    def size(self) -> int:
        """How many nodes are below, removed ones included."""
        return sum(1 + child.size() for child in self.children.values())

    def next_version(self, keys: list[str]) -> int:
        """The version that `set` would return."""
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
                child._remove()
        for key, each in below.items():
            if key not in self.children:
                self.children[key] = Node()
            self.children[key]._replace(each)
        self.version += 1
        if isinstance(value, dict):
            self._become(Kind.OBJECT)
        else:
            self._become(Kind.LEAF, value)

    def _remove(self) -> None:
        """Remove the node and all below it."""
        if self.exists:
            for child in self.children.values():
                child._remove()
            self._become(Kind.ABSENT)

    def _become(self, kind: Kind, leaf: Any = None) -> None:
        self._mark, self._leaf = kind, leaf


def _new_below(node: Node | None, value: Any) -> int:
    if not isinstance(value, dict):
        return 0
    children = node.children if node else {}
    return sum((key not in children) + _new_below(children.get(key), below) for key, below in value.items())
