"""A tree to a `Spec`, or to faults that a person can act on.

pydantic finds the faults; what it says of them is for programmers. Here each becomes one sentence about one place:
the branches of a union are folded into the one the user meant, and the allowed values come from the models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from .faults import BAD_VALUE, BROKEN_RULE, MISSING_KEY, UNKNOWN_KEY, Faults
from .fields import Rule
from .kinds import Kind, words
from .models import Spec
from .nodes import Node, faulty_paths, plain
from .origin import KeyPath, undotted
from .wording import key_hint, missing_hint, shown, unknown_hint, value_hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic_core import ErrorDetails


@dataclass(frozen=True)
class Place:
    """Where a fault is: the node and kind at ``path``; for a missing key those of the mapping it is missing from.

    ``key``: the fault is the key itself, which the user chose. ``default``: the key may be left out.
    """

    path: KeyPath
    node: Node
    kind: Kind
    key: bool = False
    missing: bool = False
    default: bool = False


def validate(tree: Node, faults: Faults) -> Spec | None:
    """The spec that a tree describes; None with all faults noted if it describes none.

    Rules over several keys are checked only once their keys are sound, so what is at fault is left out and the rest
    validated again until nothing new turns up.
    """
    values = plain(tree)
    left_out = set(faulty_paths(tree))
    while True:
        try:
            return Spec.model_validate(values)
        except ValidationError as error:
            found = _report(tree, error.errors(include_url=False, include_input=False), left_out, faults)
            if not found - left_out:
                if not faults.findings:
                    raise
                return None
            for path in found - left_out:
                _leave_out(values, path)
            left_out |= found


def _report(tree: Node, errors: Iterable[ErrorDetails], left_out: set[KeyPath], faults: Faults) -> set[KeyPath]:
    """Note new faults; return what to leave out before validating again."""
    found: set[KeyPath] = set()
    for error in errors:
        place = _place(tree, error["loc"], missing=error["type"] == "missing")
        if place is None:
            continue
        rule = error.get("ctx", {}).get("error")
        if isinstance(rule, Rule):
            found |= _broken_rule(place, rule, left_out, faults)
        elif _explained(place.path, left_out):
            found.add(_entry(place.path[:-1] if place.missing else place.path))
        else:
            _fault(tree, place, error["type"], faults)
            found |= {place.path, _entry(place.path[:-1])} if place.missing else {_entry(place.path)}
    return found


def _fault(tree: Node, place: Place, kind: str, faults: Faults) -> None:
    node, path = place.node, place.path
    if place.missing:
        expected = place.kind.below(path[-1])
        message = f"missing; allowed: {words(expected)}" if expected else "missing"
        faults.add(MISSING_KEY, message, node.key_at, path=path, hint=missing_hint(place.kind, path, tree))
    elif kind == "extra_forbidden":
        faults.add(UNKNOWN_KEY, "unknown key", node.key_at, path=path, hint=unknown_hint(place.kind, path))
    else:
        at = node.key_at if place.key else node.at
        allowed = words(place.kind) + (" or null" if place.kind.nullable and isinstance(path[-1], int) else "")
        message = f"{shown(path, node, key=place.key)} is not allowed; allowed: {allowed}"
        hint = key_hint(path) if place.key else value_hint(path, node, place.kind, default=place.default)
        faults.add(BAD_VALUE, message, at, path=path, hint=hint)


def _broken_rule(place: Place, rule: Rule, left_out: set[KeyPath], faults: Faults) -> set[KeyPath]:
    paths = [(*place.path, *undotted(key)) for key in rule.keys]
    given = [path for path in paths if place.node.find(path[len(place.path) :]) is not None]
    if not any(_explained(path, left_out) for path in paths):
        path = given[0] if given else place.path
        at = place.node.find(path[len(place.path) :])
        faults.add(BROKEN_RULE, str(rule), at.key_at if at else None, path=path)
    sound = [path for path in given if path not in left_out]
    return {sound[0] if sound else place.path}


def _explained(path: KeyPath, left_out: set[KeyPath]) -> bool:
    """Whether a fault at a path only follows from what was left out there, or below."""
    return any(gone[: len(path)] == path for gone in left_out)


def _entry(path: KeyPath) -> KeyPath:
    """The nearest path that can be left out of the values: a key of a mapping, not an item of a list."""
    return next((path[:i] for i, part in enumerate(path) if isinstance(part, int)), path)


def _leave_out(values: Any, path: KeyPath) -> None:  # noqa: ANN401 - plain YAML values
    for key in path[:-1]:
        values = values.get(key) if isinstance(values, dict) else None
    if isinstance(values, dict) and path:
        values.pop(path[-1], None)


def _place(tree: Node, location: Sequence[str | int], *, missing: bool) -> Place | None:
    """The place that pydantic's location means; None if it lies in a branch of a union that the user did not mean."""
    path: KeyPath = ()
    node, kind, above = tree, Kind(Spec), Kind(Spec)
    for part in location:
        options = kind.alternatives()
        if len(options) > 1:  # then the part names the branch
            meant = next((option for option in options if _fits(option, node)), None)
            if meant is None:
                break
            if not _names(str(part), meant):
                return None
            kind = meant
            continue
        child, below = node.child(part), options[0].below(part)
        if child is None:
            if missing and isinstance(part, str):
                return Place((*path, part), node, options[0], missing=True)
            if part == "[key]":
                return Place(path, node, above.keys() or kind, key=True)
            break  # a shorthand: the value stands for a mapping, as in `framework: onnx`; or a list is too short
        if below is None:
            return Place((*path, part), child, options[0])
        path, node, kind, above = (*path, part), child, below, options[0]
    return Place(path, node, kind, default=bool(path) and above.optional(str(path[-1])))


def _fits(kind: Kind, node: Node) -> bool:
    if isinstance(node.value, dict):
        return kind.model is not None or kind.base is dict
    return isinstance(node.value, list) and kind.base in (list, tuple)


def _names(label: str, kind: Kind) -> bool:
    name = kind.model.__name__ if kind.model is not None else f"{kind.base.__name__}["
    return label.startswith(name)
