"""``${NAME}`` and ``${NAME:-default}`` in the texts of a deploy file; ``$$`` is a plain ``$``.

Only values are expanded, never keys, and a value stays one text whatever the variable holds: no list, mapping or
further reference comes out of the environment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .faults import BAD_REFERENCE, BAD_VALUE, UNSET_VARIABLE, Faults, nearest, printable
from .nodes import FAULTY, Node
from .origin import UntypedStr
from .reader import whole_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .origin import KeyPath

DOLLAR = re.compile(r"\$\$|\$\{(?P<inside>[^}]*)(?P<end>\}?)")
INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)


@dataclass(frozen=True)
class _Problem(Exception):
    code: str
    message: str
    hint: str | None = None


def expand(node: Node, env: Mapping[str, str], faults: Faults, path: KeyPath = ()) -> Node:
    """The tree with all references replaced; a text with a reference becomes an `UntypedStr`.

    A variable that is not set and has no default, and a reference that is malformed, are faults.
    """
    if isinstance(node.value, dict):
        return replace(node, value={key: expand(child, env, faults, (*path, key)) for key, child in node.value.items()})
    if isinstance(node.value, list):
        return replace(node, value=[expand(item, env, faults, (*path, i)) for i, item in enumerate(node.value)])
    if node.literal or not isinstance(node.value, str) or "$" not in node.value:
        return node
    try:
        return _expanded(node, node.value, env)
    except _Problem as problem:
        faults.add(problem.code, problem.message, node.at, path=path, hint=problem.hint)
        return replace(node, value=FAULTY)


def _expanded(node: Node, text: str, env: Mapping[str, str]) -> Node:
    references = 0
    secret = False

    def substitute(match: re.Match[str]) -> str:
        nonlocal references, secret
        if match[0] == "$$":
            return "$"
        references += 1
        name, default = _reference(match)
        value = env.get(name)
        if default is not None and not value:
            return default
        if value is None:
            raise _Problem(UNSET_VARIABLE, f"the environment variable {name} is not set", _unset_hint(name, env))
        secret = True
        return value

    result = DOLLAR.sub(substitute, text)
    if whole_text(result) is None:
        raise _Problem(BAD_VALUE, f"{printable(text)} holds bytes that are not text")
    if not references:
        return replace(node, value=result)
    return replace(node, value=UntypedStr(result, node.folder), secret=secret)


def _reference(match: re.Match[str]) -> tuple[str, str | None]:
    inside = INSIDE.fullmatch(match["inside"])
    hint = "Write ${NAME} or ${NAME:-default}; a plain $ is written $$."
    if not match["end"] or inside is None:
        raise _Problem(BAD_REFERENCE, f"{printable(match[0])} is no reference to a variable", hint)
    default = inside["default"]
    if default is not None and "${" in default:
        raise _Problem(BAD_REFERENCE, f"the default of {inside['name']} holds another reference", hint)
    return inside["name"], None if default is None else default.replace("$$", "$")


def _unset_hint(name: str, env: Mapping[str, str]) -> str:
    found = nearest(name, env)
    similar = f"Did you mean {printable(found)}? " if found else ""
    return f"{similar}Set {name}, or give a default: ${{{name}:-value}}."
