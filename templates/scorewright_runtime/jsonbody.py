"""JSON bodies, decoded exactly or refused with the reason. `plainrows` is the short cut for plain numbers."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from . import accelerate
from .errors import BadRequest
from .limits import MAX_CONTAINERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .types import Bytes

_CHARSETS = {
    "": "utf-8",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "latin-1",
    "latin-1": "latin-1",
    "utf-16": "utf-16",
}


def decode(body: Bytes, charset: str = "") -> Any:
    """The JSON document in a body.

    Raises `BadRequest`: SW1510 for an empty body, SW1511 for what is no JSON (NaN, Infinity and repeated keys count as
    such), SW1513 for an unknown charset, SW1514 for too many lists.
    """
    if not body.strip():
        raise BadRequest("SW1510", 'the body is empty; send JSON such as {"data": [[…]]}')
    codec = _CHARSETS.get(charset.lower())
    if codec is None:
        raise BadRequest("SW1513", f"the charset {charset!r} is not supported; send UTF-8")
    if body.count(b"[") + body.count(b"{") > MAX_CONTAINERS:
        raise BadRequest("SW1514", f"the body has more than {MAX_CONTAINERS} lists and objects")
    if codec == "utf-8":
        document = accelerate.decode(body)
        if document is not accelerate.UNDECIDED:
            return document
    try:
        text = body.decode(codec)
    except UnicodeDecodeError as error:
        raise BadRequest("SW1511", f"the body is not valid {codec}: {error.reason} at byte {error.start}") from None
    return _loads(text[1:] if text.startswith("\ufeff") else text)


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique, parse_int=_PARSE_INT)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadRequest("SW1511", f"the body is not valid JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise BadRequest("SW1511", "the JSON is nested too deep") from None
    except ValueError:  # Python's limit on the digits of one whole number
        raise BadRequest("SW1511", "the JSON has a number of more than 4000 digits") from None


def _no_constant(name: str) -> None:
    raise BadRequest("SW1511", f"{name} is not JSON; send finite numbers, or a binary body such as application/x-npy")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise BadRequest("SW1511", f"the key {name[:80]!r} occurs twice in one JSON object", name[:80])
        result[name] = value
    return result


def _bounded_int(digits: str) -> int:
    if len(digits) > 4000:
        raise ValueError("too many digits")
    return int(digits)


_PARSE_INT: Callable[[str], int] | None = None if hasattr(sys, "set_int_max_str_digits") else _bounded_int
"""Older Pythons take any number of digits, in quadratic time."""
