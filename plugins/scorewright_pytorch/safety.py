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
        *("Symbol", "Integer", "Rational", "Float", "Add", "Mul", "Pow", "Abs", "Mod", "ceiling", "floor", "sqrt"),
        *("Eq", "Ne", "Lt", "Le", "Gt", "Ge", "Equality", "Unequality", "LessThan", "StrictLessThan", "GreaterThan"),
        *("StrictGreaterThan", "And", "Or", "Not", "Piecewise", "ExprCondPair", "ITE"),
        *("Max", "Min", "MinMaxBase", "PythonMod", "CleanDiv", "FloorDiv", "CeilDiv", "IntTrueDiv", "FloatTrueDiv"),
        *("ModularIndexing", "Where", "CeilToInt", "FloorToInt", "TruncToInt", "TruncToFloat", "RoundToInt"),
        *("RoundDecimal", "ToFloat", "IsNonOverlappingAndDenseIndicator", "PowByNatural", "FloatPow", "Identity"),
        *("LShift", "RShift", *(f"BitwiseFn_bitwise_{kind}" for kind in ("and", "or", "xor"))),
        *(f"OpaqueUnaryFn_{kind}" for kind in ("sqrt", "exp", "log", "log2", "asinh")),
        *(f"OpaqueUnaryFn_{arc}{kind}" for arc in ("", "a") for kind in ("sin", "cos", "tan")),
        *(f"OpaqueUnaryFn_{kind}h" for kind in ("sin", "cos", "tan")),
        *("min", "max", "abs", "len", "isinstance"),
    ]
)
_MOST_SNIFFED = 2**20  # of members that nothing is known of
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
    numbers, said = _payloads(archive)
    yield from said
    for name in archive.under(""):
        if name in numbers:  # any bytes at all, also such as a pickle begins with
            continue
        always = name.endswith((".pt", ".pkl"))
        if not always and archive.size(name) >= _MOST_SNIFFED:
            continue
        unsafe = sorted({bad for data in _inner_pickles(archive.read(name), always) for bad in unsafe_names(data)})
        if unsafe:
            yield name, unsafe


def _payloads(archive: Archive) -> tuple[set[str], list[tuple[str, list[str]]]]:
    """The members that torch reads as bare numbers, and each table of weights or constants with what it unpickles.

    Constants are unpickled by their file's name, whatever the table says of them.
    """
    numbers: set[str] = set()
    found = []
    for table in (*archive.under("data/weights/"), *archive.under("data/constants/")):
        if not table.endswith(".json"):
            continue
        folder, _, _ = table.rpartition("/")
        payloads = (archive.json(table).get("config") or {}).items()
        bare = {key: f"{folder}/{said['path_name']}" for key, said in payloads if _is_bare(folder, said)}
        numbers |= set(bare.values())
        if pickles := sorted(str(key) for key, _ in payloads if key not in bare):
            found.append((table, [f"the pickled {key}" for key in pickles]))
    return numbers, found


def _is_bare(folder: str, said: dict[str, Any]) -> bool:
    """Whether torch reads a payload as numbers: ``_load_state_dict`` and ``_load_constants`` in
    https://github.com/pytorch/pytorch/blob/main/torch/export/pt2_archive/_package.py
    """
    is_tensor = folder == "data/weights" or str(said.get("path_name")).startswith("tensor_")
    return is_tensor and said.get("use_pickle") is False


def _inner_pickles(data: bytes, always: bool) -> list[bytes]:
    """The pickles in the bytes of a ``torch.save`` file, or the bytes themselves if they are one.

    ``always``: torch unpickles whatever is there; a pickle of the oldest protocol begins with no mark.
    """
    if data.startswith(b"PK"):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as inner:
                return [inner.read(name) for name in inner.namelist() if name.endswith("data.pkl")]
        except zipfile.BadZipFile as error:
            raise ValueError("an archive in it is damaged") from error
    return [data] if data[:1] == b"\x80" or (always and data) else []


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
