"""Templates into text. A value reaches a template's output only as a literal: nothing from a file becomes code."""

from __future__ import annotations

import dataclasses
import functools
import io
import math
import re
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeAlias

import jinja2

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Plain: TypeAlias = "None | bool | int | float | str | bytes | list[Plain] | tuple[Plain, ...] | dict[str, Plain]"
"""What the filters take: values that Python and YAML can write down without running anything."""

_WIDTH = 100
# Plain YAML scalars that YAML 1.1 and 1.2 readers alike take for the same string; all else is quoted.
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_.=<>~!/-]*(\[[A-Za-z0-9_,-]+\])?[A-Za-z0-9_.=<>~!*+-]*")
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])


def render(package: str, template: str, context: DataclassInstance) -> str:
    """Render a template file of an import package with the fields of a dataclass instance.

    ``template``: its path below the package, with slashes (``tensorflow/score.py.jinja``); it may include others of the
    same package. A name that the context lacks raises `jinja2.UndefinedError`. Filters: ``literal``, ``yaml``.
    """
    values = {field.name: getattr(context, field.name) for field in dataclasses.fields(context)}
    return _environment(package).get_template(template).render(values)


@functools.cache
def _environment(package: str) -> jinja2.Environment:
    """One per package, so that a template is compiled once for all services."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _read(package, name)),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["literal"] = literal
    environment.filters["yaml"] = yaml
    return environment


def literal(value: object) -> str:
    """A value as a Python literal: ASCII only, keys sorted, long containers one item per line.

    Raises `TypeError` for anything but plain values and `ValueError` for nan and infinities, which have no literal.
    """
    return _literal(plain(value), 0)


def yaml(value: object) -> str:
    """A value as YAML in block style, without the last newline; keys keep their order.

    Strings that some YAML version reads as something else (``no``, ``1e3``, ``12:30``) are quoted.
    """
    from ruamel.yaml import YAML

    writer = YAML(typ="rt", pure=True)
    writer.default_flow_style = False
    writer.width = 2**16
    writer.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    writer.dump(_quoted(plain(value)), text)
    return text.getvalue().removesuffix("\n")


def plain(value: object) -> Plain:
    """The same value built of exactly the plain types, so that no subclass decides how it is written."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value!r} has no literal")
        return float(value)
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, dict):
        return {_key(key): plain(item) for key, item in value.items()}
    raise TypeError(f"a {type(value).__name__} is not a plain value")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key must be a string, not a {type(key).__name__}")
    return str.__str__(key)


def _literal(value: Plain, depth: int) -> str:
    if isinstance(value, dict):
        items = [f"{key!a}: {_literal(value[key], depth + 1)}" for key in sorted(value)]
        return _container("{", items, "}", depth)
    if isinstance(value, list):
        return _container("[", [_literal(item, depth + 1) for item in value], "]", depth)
    if isinstance(value, tuple):
        items = [_literal(item, depth + 1) for item in value]
        return f"({items[0]},)" if len(items) == 1 else _container("(", items, ")", depth)
    return ascii(value)


def _container(opening: str, items: list[str], closing: str, depth: int) -> str:
    line = f"{opening}{', '.join(items)}{closing}"
    if len(line) + 4 * depth <= _WIDTH and "\n" not in line:
        return line
    indent = "    " * (depth + 1)
    return "\n".join([opening, *(f"{indent}{item}," for item in items), f"{'    ' * depth}{closing}"])


def _quoted(value: Plain) -> object:
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, str) and (not _BARE.fullmatch(value) or value.lower() in _WORDS):
        return DoubleQuotedScalarString(value)
    if isinstance(value, list | tuple):
        return [_quoted(item) for item in value]
    if isinstance(value, dict):
        return {_quoted(key): _quoted(item) for key, item in value.items()}
    return value


def _read(package: str, name: str) -> str | None:
    # Part by part: a namespace package's root does not take a path with slashes on every Python.
    found: Any = resources.files(package)
    for part in name.split("/"):
        if part in ("", ".", ".."):
            return None
        found = found.joinpath(part)
        if not (found.is_dir() or found.is_file()):
            return None
    return str(found.read_text(encoding="utf-8"))
