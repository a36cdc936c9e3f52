"""The user's Python file that defines a network: read, never run. Says what builds the network and what it takes."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scorewright.findings import Finding, Level

if TYPE_CHECKING:
    from pathlib import Path

_BASES = frozenset(["torch.nn.Module", "nn.Module", "Module"])


@dataclass(frozen=True)
class Network:
    """``factory``: the class or function that returns the network, called without arguments. ``args``: the names of the
    tensors its forward needs, None where the file does not show it."""

    factory: str
    args: tuple[str, ...] | None


def read_network(path: Path, factory: str | None) -> Network | Finding:
    """The network that a file defines, or what is wrong with it. ``factory``: what the deploy file names."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        return _finding(f"{path} cannot be read: {error.strerror}", "name a Python file", "model.module")
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        return _finding(f"{path}{line} is no Python: {error}", "correct the file", "model.module")
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    modules = [name for name in classes if _is_module(name, classes)]
    if factory is None and len(modules) != 1:
        names = ", ".join(modules) or "none"
        message = f"{path.name} must define exactly one torch.nn.Module class; it defines {names}"
        wanted = modules[-1] if modules else "make_network"
        return _finding(message, f"say which one to use:\nmodel: {{factory: {wanted}}}", "model.factory")
    chosen = factory or modules[0]
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if chosen not in classes and chosen not in functions:
        listed = ", ".join([*classes, *functions]) or "nothing"
        message = f"{path.name} has no class or function {chosen!r}; it has {listed}"
        return _finding(message, "name one of them as model.factory", "model.factory")
    missing = _needed(functions[chosen] if chosen in functions else _method(chosen, "__init__", classes))
    if missing:
        message = f"{chosen} needs the arguments {', '.join(missing)}, but it is called without any"
        hint = "write a function without arguments that returns the network:\nmodel: {factory: make_network}"
        return _finding(message, hint, "model.factory")
    forward = _method(chosen, "forward", classes)
    return Network(chosen, _needed(forward) if forward is not None and not forward.args.vararg else None)


def _is_module(name: str, classes: dict[str, ast.ClassDef], seen: frozenset[str] = frozenset()) -> bool:
    if name not in classes or name in seen:
        return False
    bases = [ast.unparse(base) for base in classes[name].bases]
    return any(base in _BASES or _is_module(base, classes, seen | {name}) for base in bases)


def _method(name: str, method: str, classes: dict[str, ast.ClassDef]) -> ast.FunctionDef | None:
    """A method of a class, or of a class of the same file that it derives from."""
    seen: set[str] = set()
    while name in classes and name not in seen:
        seen.add(name)
        for node in classes[name].body:
            if isinstance(node, ast.FunctionDef) and node.name == method:
                return node
        name = next((ast.unparse(base) for base in classes[name].bases if ast.unparse(base) in classes), "")
    return None


def _needed(function: ast.FunctionDef | None) -> tuple[str, ...]:
    """The arguments without a default, ``self`` not among them."""
    if function is None:
        return ()
    arguments = [*function.args.posonlyargs, *function.args.args]
    without = arguments[: len(arguments) - len(function.args.defaults)]
    keywords = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    names = [arg.arg for arg in without] + [arg.arg for arg, default in keywords if default is None]
    return tuple(name for name in names if name != "self")


def _finding(message: str, hint: str, path: str) -> Finding:
    return Finding(Level.ERROR, "SW1218", message, hint=hint, path=path)
