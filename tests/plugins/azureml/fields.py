"""The names of all fields that a part of the deploy file has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The dotted names of a model's fields; a field that can be a value or a mapping counts as both."""
    for name, described in model.model_fields.items():
        inner = [one for one in _parts(described.annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
        for one in inner:
            yield from leaves(one, f"{prefix}{name}.")
        if not inner or name == "output":
            yield f"{prefix}{name}"


def _parts(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - a type of any form
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
