"""Plain values as one line of YAML that the loader reads back as the same values."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from .reader import scalar

if TYPE_CHECKING:
    from scorewright.findings import Json

BARE = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./-]*")


def flow(value: Json, *, variables: bool = False) -> str:
    """A value in flow style. A ``$`` in a text is doubled, unless the text's ``${NAME}`` shall be ``variables``."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key_text(key)}: {flow(item, variables=variables)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(flow(item, variables=variables) for item in value)}]"
    if isinstance(value, str):
        return key_text(value if variables else value.replace("$", "$$"))
    return json.dumps(value)


def key_text(text: str) -> str:
    """A text as a key, where a ``$`` means itself: bare where YAML reads it as text, else in double quotes."""
    if BARE.fullmatch(text) and isinstance(scalar(text), str):
        return text
    return f'"{"".join(_escaped(char) for char in text)}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
