"""What the models allow at a key path, and how to say it in words.

Messages, the reference page and `init` are made from the models' own annotations, so that no limit is written twice.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic.fields import FieldInfo

from .faults import listed
from .fields import Allowed
from .models import Model

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Kind:
    """A type as an annotation, with the limits that a field puts on it."""

    annotation: Any
    metadata: tuple[object, ...] = ()

    def alternatives(self) -> tuple[Kind, ...]:
        """What may stand here, null left out: one kind, or several where the annotation is a union."""
        origin = typing.get_origin(self.annotation)
        if origin is Annotated:
            inner, *metadata = typing.get_args(self.annotation)
            return Kind(inner, (*_flat(metadata), *self.metadata)).alternatives()
        if origin in (Union, types.UnionType):
            members = [member for member in typing.get_args(self.annotation) if member is not type(None)]
            inherited = self.metadata if len(members) == 1 else ()
            return tuple(option for member in members for option in Kind(member, inherited).alternatives())
        return (self,)

    @property
    def base(self) -> Any:  # noqa: ANN401 - a class or a typing form
        """The class behind the annotation: ``dict`` for ``dict[str, str]``, `Literal` for a literal."""
        return typing.get_origin(self.annotation) or self.annotation

    @property
    def model(self) -> type[Model] | None:
        """The model, where the annotation is one."""
        return self.annotation if isinstance(self.annotation, type) and issubclass(self.annotation, Model) else None

    def limit(self, name: str) -> Any:  # noqa: ANN401 - a number, or None
        """A limit such as ``ge`` or ``min_length``, or None."""
        return next((found for item in self.metadata if (found := getattr(item, name, None)) is not None), None)

    def below(self, key: str | int) -> Kind | None:
        """The kind of a child, for a kind with one alternative; None where there can be none."""
        if self.model is not None:
            field = self.model.model_fields.get(str(key))
            return of_field(field) if field is not None else None
        arguments = typing.get_args(self.annotation)
        if self.base is dict:
            return Kind(arguments[1])
        if self.base is list:
            return Kind(arguments[0])
        if self.base is tuple and isinstance(key, int) and key < len(arguments):
            return Kind(arguments[key])
        return None

    @property
    def nullable(self) -> bool:
        """Whether null may stand here."""
        if typing.get_origin(self.annotation) is Annotated:
            return Kind(typing.get_args(self.annotation)[0]).nullable
        return self.base in (Union, types.UnionType) and type(None) in typing.get_args(self.annotation)

    def optional(self, key: str) -> bool:
        """Whether a key may be left out, for a kind that is a model."""
        field = self.model.model_fields.get(key) if self.model is not None else None
        return field is not None and not field.is_required()

    def keys(self) -> Kind | None:
        """The kind of a mapping's keys, where the user chooses them."""
        return Kind(typing.get_args(self.annotation)[0]).alternatives()[0] if self.base is dict else None


def of_field(field: FieldInfo) -> Kind:
    """The kind of a model's field."""
    return Kind(field.annotation, tuple(_flat(field.metadata)))


def _flat(metadata: typing.Iterable[object]) -> Iterator[object]:
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from _flat(item.metadata)
        else:
            yield item


def words(kind: Kind) -> str:
    """What a kind allows, completing "allowed: …"."""
    said = _said(kind.metadata)
    if said is not None:
        return said
    return listed((part for option in kind.alternatives() for part in _parts(option)), "or")


def choices(kind: Kind) -> list[str]:
    """The words that a kind takes, where it takes only certain ones."""
    return [
        value
        for option in kind.alternatives()
        if option.base is Literal
        for value in typing.get_args(option.annotation)
        if isinstance(value, str)
    ]


def _said(metadata: tuple[object, ...]) -> str | None:
    """The outermost `Allowed`; metadata goes from the inside out."""
    return next((item.words for item in reversed(metadata) if isinstance(item, Allowed)), None)


def _parts(kind: Kind) -> list[str]:
    """What one alternative allows; a literal has several parts."""
    said = _said(kind.metadata)
    if said is not None:
        return [said]
    if kind.base is Literal:
        return [str(value).lower() if value is False else str(value) for value in typing.get_args(kind.annotation)]
    if kind.model is not None:
        required = [name for name, field in kind.model.model_fields.items() if field.is_required()]
        return [f"a mapping with {listed(required)}" if required else "a mapping"]
    if kind.base is int or kind.base is float:
        return [_number("a whole number" if kind.base is int else "a number", kind)]
    if kind.base is str:
        return ["text that is not empty" if kind.limit("min_length") else "text"]
    if kind.base is list:
        return [f"a list, each item {words(Kind(typing.get_args(kind.annotation)[0]))}"]
    if kind.base is dict:
        return ["a mapping that is not empty" if kind.limit("min_length") else "a mapping"]
    return [{bool: "true or false", Path: "a path"}[kind.base]]


def _number(what: str, kind: Kind) -> str:
    least, most, above = kind.limit("ge"), kind.limit("le"), kind.limit("gt")
    if least is not None and most is not None:
        return f"{what} from {least} to {most}"
    if least is not None:
        return f"{what} of at least {least}"
    return f"{what} above {above}" if above is not None else what
