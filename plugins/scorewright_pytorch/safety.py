"""What in a ``torch.export`` file would run when it is loaded, beyond the operators of its graph.

Such a file is JSON and numbers, yet loading it evaluates the texts of symbolic sizes and of guards as Python, looks up
operators by name, and unpickles whatever is marked as pickled. A file made by ``torch.export.save`` stays within the
narrow forms admitted here.
"""

from __future__ import annotations

import ast
import io
import re
import zipfile
from typing import TYPE_CHECKING, Any

from .archive import unsafe_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .archive import Archive

_OPERATOR = re.compile(
    r"torch\.ops(\.(?!__)\w+){2,3}"
    r"|torch\.sym_\w+|math\.(ceil|floor|trunc|sqrt|pow)|#\w[\w.:]*"
    r"|_operator\.(add|sub|mul|truediv|floordiv|mod|pow|neg|pos|abs|eq|ne|lt|le|gt|ge|and_|or_|not_|getitem)"
)
# What symbolic sizes are built from (sympy and torch.utils._sympy) and what guards call.
_FUNCTIONS = frozenset(
    [
        *("Symbol", "Integer", "Rational", "Float", "Max", "Min", "Abs", "Pow", "Eq", "Ne", "Lt", "Le", "Gt", "Ge"),
        *("And", "Or", "Not", "Mod", "PythonMod", "CleanDiv", "FloorDiv", "CeilDiv", "IntTrueDiv", "FloatTrueDiv"),
        *("ModularIndexing", "Where", "CeilToInt", "FloorToInt", "TruncToInt", "TruncToFloat", "RoundToInt"),
        *("RoundDecimal", "ToFloat", "IsNonOverlappingAndDenseIndicator", "BitwiseFn_bitwise_and", "PowByNatural"),
        *("FloatPow", "ceiling", "floor", "sqrt", "min", "max", "abs", "len", "isinstance"),
    ]
)
_METHODS = frozenset(["size", "stride", "dim", "numel", "storage_offset"])
_NODES = (
    *(ast.Expression, ast.Call, ast.keyword, ast.Name, ast.Load, ast.Constant, ast.Attribute, ast.Subscript),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.Tuple),
)


def reasons(archive: Archive, program: dict[str, Any]) -> list[str]:
    """Why loading the file could run code of its author's; empty for a file of the ordinary kind."""
    found = [f"its {name} names {', '.join(unsafe)}" for name, unsafe in _pickled(archive)]
    found += [f"it computes a size as {text!r}" for text in _texts(program, "expr_str") if not is_plain(text)]
    found += [f"it has the guard {text!r}" for text in _list(program.get("guards_code")) if not is_plain(text)]
    nodes = _nodes(program)
    found += [f"it calls {target!r}" for target in nodes if not _OPERATOR.fullmatch(target)]
    return found


def is_plain(text: str) -> bool:
    """Whether a text is arithmetic on sizes and nothing else, as Python."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(_is_plain_node(node) for node in ast.walk(tree))


def _is_plain_node(node: ast.AST) -> bool:
    if not isinstance(node, _NODES):
        return False
    if isinstance(node, ast.Attribute):
        return node.attr in _METHODS
    if isinstance(node, ast.Name):
        return "__" not in node.id
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) or (isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS)
    return True


def _pickled(archive: Archive) -> Iterator[tuple[str, list[str]]]:
    """The pickles of an archive that are not just tensors, each with what it names."""
    for name in archive.under(""):
        data = archive.read(name) if name.endswith(".pt") or archive.size(name) < 2**20 else b""
        pickled = _inner_pickle(data) if name.endswith((".pt", ".pkl")) or data[:1] == b"\x80" else None
        if pickled is not None:
            unsafe = unsafe_names(pickled)
            if unsafe:
                yield name, unsafe
    for config in (*archive.under("data/weights/"), *archive.under("data/constants/")):
        if config.endswith(".json"):
            payloads = archive.json(config).get("config") or {}
            pickles = sorted(str(key) for key, said in payloads.items() if said.get("use_pickle"))
            if pickles:
                yield config, [f"the pickled {key}" for key in pickles]


def _inner_pickle(data: bytes) -> bytes | None:
    """The pickle in the bytes of a ``torch.save`` file, or the bytes themselves if they are one."""
    if not data:
        return None
    if data.startswith(b"PK"):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as inner:
                name = next((name for name in inner.namelist() if name.endswith("data.pkl")), None)
                return inner.read(name) if name else None
        except zipfile.BadZipFile as error:
            raise ValueError("an archive in it is damaged") from error
    return data if data[:1] == b"\x80" else None


def _texts(value: object, key: str) -> Iterator[str]:
    waiting: list[Any] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(item.get(key), str):
                yield item[key]
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _nodes(program: dict[str, Any]) -> list[str]:
    waiting: list[Any] = [program]
    targets: set[str] = set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(item.get("target"), str) and "inputs" in item:
                targets.add(item["target"])
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return sorted(targets)


def _list(value: object) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list) else []
