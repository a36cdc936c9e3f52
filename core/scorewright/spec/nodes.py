"""The tree between YAML and the models: plain values that know where they stand.

Files are read into trees, trees are laid over one another, variables are expanded, and only then are the values
validated, so that a fault in the result can name the file and line that said it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from .origin import LocatedStr

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from scorewright.findings import Location

    from .origin import KeyPath


class Faulty:
    """The value of a node whose fault is already reported."""


FAULTY: Final = Faulty()

Value: TypeAlias = "None | bool | int | float | str | Faulty | dict[str, Node] | list[Node]"


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place.

    ``at``: where the value stands; ``key_at``: where its key stands (items and roots: the same). ``folder``: what a
    path is relative to. ``text``: a scalar as it was written. ``literal``: no variables are expanded in it.
    ``secret``: it came from the environment, so messages show ``text`` instead of the value. ``size``, ``depth``: nodes
    in the tree, and levels below; aliases count each time they are used.
    """

    value: Value
    at: Location
    key_at: Location
    folder: Path
    text: str = ""
    literal: bool = False
    secret: bool = False
    size: int = 1
    depth: int = 0

    def children(self) -> Iterator[tuple[str | int, Node]]:
        """Keys and values of a mapping, positions and items of a list, nothing of a scalar."""
        if isinstance(self.value, dict):
            yield from self.value.items()
        elif isinstance(self.value, list):
            yield from enumerate(self.value)

    def child(self, key: str | int) -> Node | None:
        """One of the children, or None."""
        if isinstance(self.value, dict) and isinstance(key, str):
            return self.value.get(key)
        if isinstance(self.value, list) and isinstance(key, int) and 0 <= key < len(self.value):
            return self.value[key]
        return None

    def find(self, path: KeyPath) -> Node | None:
        """The node at a path below this one, or None."""
        node: Node | None = self
        for key in path:
            node = node.child(key) if node is not None else None
        return node


def overlay(base: Node | None, over: Node) -> Node:
    """``over`` laid over ``base``: mappings merge, all else replaces, a null takes the key out, so its default counts.

    A mapping that is in both keeps the place it has in ``base``, where it was introduced.
    """
    if not isinstance(over.value, dict):
        return over
    merged = dict(base.value) if base is not None and isinstance(base.value, dict) else {}
    for key, node in over.value.items():
        if node.value is None:
            merged.pop(key, None)
        else:
            merged[key] = overlay(merged.get(key), node)
    place = base if base is not None and isinstance(base.value, dict) else over
    return replace(place, value=merged)


def plain(node: Node) -> Any:  # noqa: ANN401 - whatever the YAML holds
    """The tree as plain values for pydantic. Text becomes `LocatedStr`; what is faulty is left out."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items() if not _faulty(child)}
    if isinstance(value, list):
        return [plain(child) for child in value]
    if isinstance(value, str) and not isinstance(value, LocatedStr):
        return LocatedStr(value, node.folder)
    return value


def _faulty(node: Node) -> bool:
    """A fault in a list takes the whole list out: leaving out an item would move the others."""
    if isinstance(node.value, list):
        return any(_faulty(item) for item in node.value)
    return node.value is FAULTY


def faulty_paths(node: Node, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The paths of the values that `plain` leaves out."""
    for key, child in node.children():
        if _faulty(child):
            yield (*path, key)
        else:
            yield from faulty_paths(child, (*path, key))


def positions(node: Node) -> tuple[Mapping[KeyPath, Location], Mapping[KeyPath, Location]]:
    """The places of all keys, and of all values, by path."""
    keys: dict[KeyPath, Location] = {}
    values: dict[KeyPath, Location] = {}

    def visit(parent: Node, path: KeyPath) -> None:
        for key, child in parent.children():
            below = (*path, key)
            keys[below], values[below] = child.key_at, child.at
            visit(child, below)

    visit(node, ())
    return keys, values
