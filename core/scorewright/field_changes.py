"""What differs between a live and a desired property, in a form that can be shown to anyone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .findings import Json

_SECRET = re.compile(r"key|token|secret|passw|credential|connection", re.IGNORECASE)


@dataclass(frozen=True)
class FieldChange:
    """One property that differs. ``path``: dotted below the resource; None stands for what is not there.

    Values whose name sounds like a secret are replaced by ``(hidden)`` before they get in here.
    """

    path: str
    before: Json
    after: Json

    def __str__(self) -> str:
        return f"{self.path}: {_short(self.before)} -> {_short(self.after)}"


def differences(path: str, before: Json, after: Json) -> Iterator[FieldChange]:
    """Every difference below ``path``; mappings are compared key by key (none is an empty one), all else as a whole."""
    old, new = ({} if side is None else side for side in (before, after))
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from differences(f"{path}.{key}", old.get(key), new.get(key))
    elif not _same(before, after):
        if "." in path and _SECRET.search(path.rsplit(".", 1)[-1]):
            before, after = _hidden(before), _hidden(after)
        yield FieldChange(path, before, after)


def _hidden(value: Json) -> Json:
    return None if value is None else "(hidden)"


def _same(before: Json, after: Json) -> bool:
    """Equal as JSON: 2 and 2.0 are, 1 and true are not, also inside lists."""
    return _canonical(before) == _canonical(after)


def _canonical(value: Json) -> str:
    def whole(item: Json) -> Json:
        if isinstance(item, float) and item.is_integer():
            return int(item)
        if isinstance(item, list):
            return [whole(inner) for inner in item]
        return {key: whole(inner) for key, inner in item.items()} if isinstance(item, dict) else item

    return json.dumps(whole(value), sort_keys=True)


def _short(value: Json) -> str:
    text = "(none)" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 60 else f"{text[:57]}..."
