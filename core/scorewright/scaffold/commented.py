"""Keys of the deploy file as commented lines with their descriptions, made from the models.

A line that begins with ``#`` and no space is a key: without the ``#`` it is YAML at its place.
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Final, cast

from pydantic import BaseModel

from scorewright.spec.kinds import of_field
from scorewright.spec.yamltext import flow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pydantic.fields import FieldInfo

    from scorewright.findings import Json
    from scorewright.spec.models import Model

WIDTH: Final = 110


def optional_blocks(model: type[Model], left_out: Collection[str], indent: str) -> Iterator[str]:
    """One block for each key of a mapping: the description, then the commented key with all below it."""
    for name, field in model.model_fields.items():
        if name in left_out:
            continue
        yield ""
        yield from wrap(
            field.description or name, width=WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# "
        )
        yield from _block(name, field, indent)


def trailing_keys(model: type[Model], left_out: Collection[str], indent: str) -> Iterator[str]:
    """One commented line for each key of a mapping, its description behind it."""
    for name, field in model.model_fields.items():
        if name not in left_out:
            yield from _lines(name, field, indent, "")


def _block(name: str, field: FieldInfo, indent: str) -> Iterator[str]:
    inner = _inner_model(field)
    if inner is None or not _is_mapping(field):
        yield f"{indent}#{name}: {_text(field)}"
    if inner is None:
        return
    if not _is_mapping(field):
        yield f"{indent}# or"
    yield f"{indent}#{name}:"
    for key, below in inner.model_fields.items():
        yield from _lines(key, below, indent, "  ")


def _lines(name: str, field: FieldInfo, indent: str, inside: str) -> Iterator[str]:
    inner = _inner_model(field)
    if inner is None:
        yield f"{indent}#{inside}{name}: {_text(field)}  # {field.description}"
        return
    yield f"{indent}#{inside}{name}:  # {field.description}"
    for key, below in inner.model_fields.items():
        yield from _lines(key, below, indent, f"{inside}  ")


def _inner_model(field: FieldInfo) -> type[Model] | None:
    return next((option.model for option in of_field(field).alternatives() if option.model is not None), None)


def _is_mapping(field: FieldInfo) -> bool:
    """Whether the key is shown as a mapping: that is its default, or nothing else is allowed."""
    return field.default_factory is not None or len(of_field(field).alternatives()) == 1


def _text(field: FieldInfo) -> str:
    return flow(_value(field), variables=True)


def _value(field: FieldInfo) -> Json:
    """The default as plain values; an example where the default is that there is none."""
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        return cast("Json", default.model_dump(mode="json"))
    if default is None and field.examples:
        return cast("Json", field.examples[0])
    return cast("Json", default)
