"""What a bundle's Python files import, followed from file to file, and which distributions bring it."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

RUNTIME = "scorewright_runtime"
FRAMEWORKS = f"{RUNTIME}/frameworks/"
WITH_FORMAT = frozenset(["safetensors"])
"""Modules that a framework's loader imports for one format only; the plugin asks for them with that format."""
_GUARDS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}

DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {
    "Crypto": ("pycryptodome",),
    "OpenSSL": ("pyopenssl",),
    "PIL": ("pillow",),
    "attr": ("attrs",),
    "azure": ("azure-core", "azure-identity", "azure-storage-blob"),
    "azureml": ("azureml-core", "azureml-defaults"),
    "bs4": ("beautifulsoup4",),
    "cv2": ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python"),
    "dateutil": ("python-dateutil",),
    "dotenv": ("python-dotenv",),
    "fitz": ("pymupdf",),
    "git": ("gitpython",),
    "google": ("protobuf", "googleapis-common-protos"),
    "inference_schema": ("inference-schema",),
    "jwt": ("pyjwt",),
    "magic": ("python-magic",),
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime"),
    "pkg_resources": ("setuptools",),
    "serial": ("pyserial",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-gpu"),
    "tf_keras": ("tf-keras",),
    "win32api": ("pywin32",),
    "yaml": ("pyyaml",),
    "zmq": ("pyzmq",),
}
"""Modules whose distribution has another name; any of those named will do."""


@dataclass(frozen=True)
class Import:
    """A module from outside the bundle, and where it is first imported."""

    module: str
    file: str
    line: int


def outside(files: Mapping[str, bytes]) -> list[Import]:
    """The modules that a bundle needs besides Python's own and its own files, each once, by name.

    Followed from the Python files at the top of the bundle. What is imported under ``except ImportError`` or for type
    checkers only is not needed. Imports inside of functions count everywhere but in the runtime's general modules,
    which do them only where the deploy file asks for what needs them.
    """
    found: dict[str, Import] = {}
    waiting = [name for name in sorted(files) if name.endswith(".py") and "/" not in name]
    seen = set(waiting)
    while waiting:
        name = waiting.pop(0)
        inner = not name.startswith(f"{RUNTIME}/") or name.startswith(FRAMEWORKS)
        for module, line in _imports(files[name], name, inner):
            local = _local(module, files)
            if local is None:
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names and not (top in WITH_FORMAT and name.startswith(FRAMEWORKS)):
                    found.setdefault(top, Import(top, name, line))
                continue
            for file in local:
                if file not in seen:
                    seen.add(file)
                    waiting.append(file)
    return [found[module] for module in sorted(found)]


def lacking(imports: Iterable[Import], packages: Iterable[str]) -> list[Import]:
    """The imports that no package of an environment brings. ``packages``: ``name==version``."""
    have = {canonicalize_name(package.partition("==")[0].partition("[")[0]) for package in packages}
    return [one for one in imports if not have & set(distributions(one.module))]


def distributions(module: str) -> tuple[str, ...]:
    """The distributions, any of which brings a top-level module."""
    return DISTRIBUTIONS.get(module, (canonicalize_name(module),))


@lru_cache(maxsize=256)
def _imports(source: bytes, name: str, inner: bool) -> tuple[tuple[str, int], ...]:
    package = name.rpartition("/")[0].replace("/", ".")
    return tuple(_walk(ast.parse(source), package, inner))


def _walk(node: ast.AST, package: str, inner: bool) -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        yield from _visit(child, package, inner)


def _visit(node: ast.AST, package: str, inner: bool) -> Iterator[tuple[str, int]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, node.lineno) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from ((module, node.lineno) for module in _from(node, package))
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not inner:
        return
    elif isinstance(node, ast.If) and _for_types(node.test):
        for other in node.orelse:
            yield from _visit(other, package, inner)
    elif isinstance(node, ast.Try) and any(_guards(handler) for handler in node.handlers):
        for part in (*node.handlers, *node.orelse, *node.finalbody):
            yield from _visit(part, package, inner)
    else:
        yield from _walk(node, package, inner)


def _from(node: ast.ImportFrom, package: str) -> Iterator[str]:
    base = node.module or ""
    if node.level:
        parents = package.split(".")[: len(package.split(".")) - node.level + 1] if package else []
        base = ".".join([*parents, *([node.module] if node.module else [])])
    yield base
    yield from (f"{base}.{alias.name}" for alias in node.names if base and alias.name != "*")


def _for_types(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in {getattr(test, "id", None), getattr(test, "attr", None)}


def _guards(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in _GUARDS for name in names)


def _local(module: str, files: Mapping[str, bytes]) -> list[str] | None:
    """The bundle's files that importing a module runs, None where it is not the bundle's own."""
    parts = module.split(".")
    top = parts[0]
    if f"{top}.py" not in files and not any(name.startswith(f"{top}/") for name in files):
        return None
    found = []
    for length in range(1, len(parts) + 1):
        path = "/".join(parts[:length])
        found += [name for name in (f"{path}/__init__.py", f"{path}.py") if name in files]
    return found
