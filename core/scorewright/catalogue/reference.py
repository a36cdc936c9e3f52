"""The reference page of the catalogue, made from its models.

python -m scorewright.catalogue.reference > docs/reference/catalogue.md
"""

from __future__ import annotations

import inspect
import re
import sys
from typing import TYPE_CHECKING

from . import FRAMEWORKS, KEYS, model_of, models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

HEAD = """# The catalogue

The facts that scorewright decides by. They ship as JSON in `core/scorewright/catalogue/data`, one row to a line, and
are read table by table when they are needed. Your own rows go into `scorewright-catalogue.yaml`: table, key, fields. A
row whose key is there already keeps the fields that you do not name; lists are replaced as a whole. Versions are
strings: write `"3.10"`.

Every row also has `source` (addresses, or what was read), `as_of` (the day it was read), `confidence` (`high`,
`medium`, `low`) and perhaps `notes`. Of rows of your own, your file is the source. A plugin's own framework has a table
of its own, of the same form as those of the frameworks here.
"""
_SHARED = frozenset(models.Row.model_fields)
_PARTS = (models.Price, models.Exemption, models.Build, models.Pin)


def page() -> str:
    """The page's text."""
    tables = [*KEYS, " ".join(FRAMEWORKS)]
    sections = [_section(table) for table in tables]
    inner = [f"## Inside of rows: {part.__name__}\n\n{_body(part)}" for part in _PARTS]
    return "\n".join([HEAD, *sections, *inner])


def _section(table: str) -> str:
    names = table.split()
    key = KEYS.get(names[0], "minor")
    title = ", ".join(f"`{name}`" for name in names)
    return f"## {title}\n\nKey: `{key}`. {_body(model_of(names[0]))}"


def _body(model: type[models.Part]) -> str:
    text = re.sub(r"``(.+?)``", r"`\1`", inspect.getdoc(model) or "")
    lines = ["| field | type | default |", "| --- | --- | --- |", *_fields(model)]
    return f"{text}\n\n" + "\n".join(lines) + "\n"


def _fields(model: type[models.Part]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if name not in _SHARED or model in _PARTS:
            yield f"| `{name}` | {_type(field)} | {_default(field)} |"


def _type(field: FieldInfo) -> str:
    annotation = field.annotation
    plain = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    for long, short in (("typing.", ""), ("scorewright.catalogue.models.", ""), (" | None", ""), ("str", "text")):
        plain = plain.replace(long, short)
    return "`" + plain.replace("|", "\\|") + "`"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "" if value in (None, (), {}, "") else f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(page())
