"""What is laid over the files: ``--set a.b.c=value``, and the ``overrides`` of the Python API.

Each is like one more file that holds a single key. Lists are entered by number: ``packages.pip.0``; the number
after the last item appends.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scorewright.findings import Location

from .faults import BAD_OVERRIDE, Faults, printable, quoted
from .nodes import Node, Value, overlay
from .origin import LocatedStr, UntypedStr, undotted
from .reader import MOST_LEVELS, NULL, read_text, whole_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SET_HINT = "Write --set KEY=VALUE, such as --set services.mnist.replicas=5."


class _Misplaced(Exception):
    """A key path leads nowhere."""


def apply_sets(root: Node, sets: Sequence[str], faults: Faults) -> Node:
    """The tree with every ``KEY=VALUE`` applied, the last one winning.

    A value that begins with ``[``, ``{`` or a quote is YAML; ``null`` and nothing at all reset the key to its default;
    all else is one text, which the key's field reads as the number, true/false or text it needs.
    """
    for text in sets:
        name, equals, value = text.partition("=")
        where = Location(Path(f"--set {printable(name)}"))
        if not equals:
            faults.add(BAD_OVERRIDE, f"--set {printable(text)} has no value", where, hint=SET_HINT)
            continue
        node = _set_value(value, where, faults)
        if node is not None:
            root = _apply(root, name, node, faults)
    return root


def _set_value(text: str, where: Location, faults: Faults) -> Node | None:
    folder = Path.cwd()
    if text.strip().startswith(("[", "{", '"', "'")):
        return read_text(text, where, folder, faults, inline=True)
    value = None if NULL.fullmatch(text.strip()) else UntypedStr(text, folder)
    return Node(value, where, where, folder, text)


def apply_overrides(root: Node, overrides: Mapping[str, object], faults: Faults) -> Node:
    """The tree with the overrides of the Python API applied. Their texts hold no variables."""
    for name, value in overrides.items():
        where = Location(Path(f"overrides {printable(name)}"))
        try:
            node = _from_python(value, where, Path.cwd())
        except TypeError as error:
            faults.add(BAD_OVERRIDE, f"{printable(name)}: {error}", where)
            continue
        root = _apply(root, name, node, faults)
    return root


def _from_python(value: object, where: Location, folder: Path) -> Node:
    converted: Value
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("the keys of a mapping must be str")
        converted = {key: _from_python(item, where, folder) for key, item in value.items()}
    elif isinstance(value, list | tuple):
        converted = [_from_python(item, where, folder) for item in value]
    elif isinstance(value, str | Path):
        if whole_text(str(value)) is None:
            raise TypeError("a NUL or half a surrogate pair is not text")
        converted = LocatedStr(str(value), folder)
    elif value is None or isinstance(value, bool | int | float):
        converted = value
    else:
        raise TypeError(f"a {type(value).__name__} is no plain value (None, bool, int, float, str, Path, list, dict)")
    return Node(converted, where, where, folder, str(value), literal=True)


def _apply(root: Node, name: str, node: Node, faults: Faults) -> Node:
    keys = undotted(name)
    if not all(keys) or whole_text(name) is None or len(keys) > MOST_LEVELS:
        hint = "Write the keys with dots between them: services.mnist.gpu."
        faults.add(BAD_OVERRIDE, f"{quoted(name)} is no key path", node.at, hint=hint)
        return root
    try:
        return _put(root, keys, node)
    except _Misplaced as error:
        faults.add(BAD_OVERRIDE, f"{printable(name)}: {error}", node.at)
        return root


def _put(base: Node | None, keys: list[str], node: Node) -> Node:
    if not keys:
        return overlay(base, node)
    key, rest = keys[0], keys[1:]
    if base is not None and isinstance(base.value, list):
        return _put_item(base, base.value, key, rest, node)
    if key == "0" and (base is None or base.value is None):  # no key of a deploy file is a number
        return _put_item(Node([], node.at, node.at, node.folder), [], key, rest, node)
    entries = dict(base.value) if base is not None and isinstance(base.value, dict) else {}
    if node.value is None and not rest:
        entries.pop(key, None)
    else:
        old = entries.get(key)
        entries[key] = replace(_put(old, rest, node), key_at=old.key_at if old is not None and rest else node.at)
    if base is not None and isinstance(base.value, dict):
        return replace(base, value=entries)
    return Node(entries, node.at, node.at, node.folder)


def _put_item(base: Node, items: list[Node], key: str, rest: list[str], node: Node) -> Node:
    if not (key.isascii() and key.isdigit() and int(key) <= len(items)):
        raise _Misplaced(f"{printable(key)} is no position in this list; it takes 0 to {len(items)}")
    index = int(key)
    old = items[index] if index < len(items) else None
    new = _put(old, rest, node) if rest or node.value is not None else node
    return replace(base, value=[*items[:index], new, *items[index + 1 :]])
