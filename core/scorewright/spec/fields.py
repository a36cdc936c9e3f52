"""The kinds of values in a deploy file, and what a rule over several keys raises.

YAML says whether a value is text, a number or true/false, and the models take it at its word: ``replicas: "3"`` is a
fault. Only text from the environment or from ``--set`` (`UntypedStr`) is read as what its field needs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from .origin import UntypedStr, resolve_path
from .reader import scalar

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Allowed:
    """Says in words what a field takes, where its type does not say it. ``words`` completes "allowed: …"."""

    words: str


class Rule(ValueError):
    """A rule over several keys of one mapping is broken.

    ``keys``: the keys involved, dotted, the one to change first; the fault is shown at the first of them that the file
    holds. The message may not contain values: one may be a secret.
    """

    def __init__(self, message: str, *keys: str) -> None:
        super().__init__(message)
        self.keys = keys


def _typed(kind: type[int] | type[float] | type[bool]) -> Callable[[object], object]:
    adapter = TypeAdapter[int | float | bool](kind)

    def convert(value: object) -> object:
        if isinstance(value, UntypedStr):
            try:
                return adapter.validate_python(str(value))
            except ValidationError:
                return value  # the field's own type refuses it, with the place
        if kind is int and isinstance(value, float) and value.is_integer():
            return int(value)
        return value

    return convert


def _exactly(kind: type[int] | type[bool]) -> Callable[[object], object]:
    convert = _typed(kind)

    def check(value: object) -> object:
        converted = convert(value)
        if not isinstance(converted, dict) and type(converted) is not kind:
            raise ValueError("of another type")  # without this, Literal[1] takes true and Literal[False] takes 0
        return converted

    return check


def _untyped(value: object) -> object:
    """Text from the environment or ``--set`` as the YAML that it would be in the file."""
    return scalar(str(value)) if isinstance(value, UntypedStr) else value


def _requirement(value: object) -> object:
    from packaging.requirements import InvalidRequirement, Requirement

    if isinstance(value, str):
        try:
            Requirement(value)
        except InvalidRequirement as error:
            raise ValueError("not a requirement") from error
    return value


def file_suffix(pattern: str) -> Callable[[object], object]:
    """A check that a path's name ends in one of the suffixes of a regular expression, in any case."""
    suffix = re.compile(rf"\.({pattern})$", re.IGNORECASE)

    def check(value: object) -> object:
        if isinstance(value, str | Path) and not suffix.search(str(value)):
            raise ValueError("another suffix")
        return value

    return check


WHOLE = BeforeValidator(_typed(int))
"""Reads a whole number from a variable. Where a limit applies inside a union, it goes before this one, or the JSON
Schema does not get it."""

Integer: TypeAlias = Annotated[int, WHOLE]
"""A whole number; ``3.0`` is one, ``true`` is not."""

NUMBER = BeforeValidator(_typed(float))
Number: TypeAlias = Annotated[float, NUMBER]
"""A finite number."""

Switch: TypeAlias = Annotated[bool, BeforeValidator(_typed(bool))]
"""``true`` or ``false``."""

Off: TypeAlias = Annotated[Literal[False], BeforeValidator(_exactly(bool))]
"""``false``, where a mapping would be the alternative."""

OptionValue: TypeAlias = Annotated[
    bool | int | float | str, BeforeValidator(_untyped), Allowed("true, false, a number or a text")
]
"""A value whose meaning a plugin knows."""

FormatVersion: TypeAlias = Annotated[Literal[1], BeforeValidator(_exactly(int))]
"""The version of the deploy file's format."""

FilePath: TypeAlias = Annotated[Path, BeforeValidator(resolve_path), Allowed("a path, relative to this file")]
"""A path, relative to the file that says it; absolute once loaded."""

PipRequirement: TypeAlias = Annotated[
    str, BeforeValidator(_requirement), Allowed('a requirement as pip takes it, such as "shap==0.46.0"')
]
"""A PEP 508 requirement."""

ServiceName: TypeAlias = Annotated[
    str,
    Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", min_length=3, max_length=32),
    Allowed("3 to 32 lower-case letters, digits and dashes, a letter first, no dash last"),
]
"""What Azure takes as a service's name."""

VariableName: TypeAlias = Annotated[
    str,
    Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"),
    Allowed("letters, digits and underscores, no digit first"),
]
"""The name of an environment variable."""
