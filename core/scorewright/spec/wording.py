"""How faults are worded: the value as the user wrote it, unless it may be a secret, and the way out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .faults import listed, nearest, printable, quoted
from .kinds import Kind, choices, of_field
from .origin import UntypedStr
from .reader import scalar

if TYPE_CHECKING:
    from .models import Model
    from .nodes import Node
    from .origin import KeyPath

YES_NO = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def shown(path: KeyPath, node: Node, *, key: bool = False) -> str:
    """A value for a message. Under ``env`` nothing of it is shown; of a variable only ``${NAME}``."""
    if key:
        return quoted(str(path[-1]))
    if _hidden(path):
        return "this value"
    if node.secret:
        return printable(node.text)
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "an empty list" if not node.value else "this list"
    if node.value is None:
        return "null"
    return quoted(node.value) if isinstance(node.value, str) else printable(node.text)


def _hidden(path: KeyPath) -> bool:
    return len(path) > 3 and path[0] == "services" and path[2] == "env"


def unknown_hint(kind: Kind, path: KeyPath) -> str | None:
    """The nearest spelling, or the same key where it belongs, and the keys that are allowed."""
    model = kind.model
    if model is None:
        return None
    key = str(path[-1])
    found = _deeper(model, key) or nearest(key, model.model_fields)
    return f"{f'Did you mean {found}? ' if found else ''}Allowed here: {listed(model.model_fields)}."


def _deeper(model: type[Model], key: str) -> str | None:
    for name, field in model.model_fields.items():
        for option in of_field(field).alternatives():
            if option.model is not None and key in option.model.model_fields:
                return f"{name}.{key}"
    return None


def missing_hint(kind: Kind, path: KeyPath, tree: Node) -> str | None:
    """What the key is for; or which service was meant, where only an override mentions this one."""
    mapping = tree.find(path[:-1])
    if len(path) == 3 and path[0] == "services" and mapping is not None and not mapping.key_at.line:
        services = tree.child("services")
        named = [str(name) for name, node in services.children() if node.key_at.line] if services is not None else []
        found = nearest(str(path[1]), named)
        return f"No file has a service named {printable(str(path[1]))}.{f' Did you mean {found}?' if found else ''}"
    field = kind.model.model_fields.get(str(path[-1])) if kind.model is not None else None
    return field.description if field is not None else None


def value_hint(path: KeyPath, node: Node, kind: Kind, *, default: bool = False) -> str | None:
    """The nearest value that would do, where one can be guessed and told. ``default``: the key may be left out."""
    if isinstance(node.value, dict | list) or node.secret or _hidden(path):
        return _quotes_hint(node, kind, hidden=True) if _hidden(path) and not node.secret else None
    if node.value is None:
        return "Leave the key out for its default." if default else None
    found = nearest(str(node.value), choices(kind))
    if found:
        return f"Did you mean {found}?"
    if bool in _bases(kind) and str(node.value).casefold() in YES_NO:
        return f"Did you mean {YES_NO[str(node.value).casefold()]}?"
    return _quotes_hint(node, kind)


def _quotes_hint(node: Node, kind: Kind, *, hidden: bool = False) -> str | None:
    bases = _bases(kind)
    if str in bases and isinstance(node.value, bool | int | float):
        return "Write it in quotes." if hidden else f"Write it in quotes: {quoted(node.text)}."
    if not isinstance(node.value, str) or isinstance(node.value, UntypedStr) or hidden:
        return None
    if type(scalar(node.value)) in bases - {str}:
        return f"Leave out the quotes: {printable(node.value)}."
    return None


def _bases(kind: Kind) -> set[object]:
    return {option.base for option in kind.alternatives()}


def key_hint(path: KeyPath) -> str | None:
    """A service name that would do, made from the one given; None for other keys."""
    if len(path) != 2:
        return None
    name = re.sub(r"[^a-z0-9]+", "-", str(path[-1]).casefold())[:32].strip("-").lstrip("0123456789-")
    return f"Such as {name}." if len(name) >= 3 else None
