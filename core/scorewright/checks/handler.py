"""The user's handler, read but not run: it parses, and its hooks take what they are called with."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from scorewright.bundle_config import read
from scorewright.errors import ScorewrightError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.findings import Finding

    from .context import CheckContext

HOOKS = {"preprocess": ("request", "inputs"), "postprocess": ("outputs",)}


def handlers(context: CheckContext) -> Iterator[Finding]:
    """Handlers that cannot be read or parsed, that have no hook, or whose hooks cannot be called."""
    for name, service in context.spec.services.items():
        if service.handler is None:
            continue
        at = ("services", name, "handler")
        try:
            tree = ast.parse(read(service.handler), filename=str(service.handler))
        except ScorewrightError as error:
            yield context.finding("SW1401", f"{error.summary}: {error.cause}", *at)
        except (SyntaxError, ValueError) as error:
            line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
            yield context.finding("SW1403", f"{service.handler}{line} is not Python: {error}", *at)
        else:
            for problem in _problems(tree):
                yield context.finding("SW1404", f"{service.handler}: {problem}", *at, hint=_USAGE)


def _problems(tree: ast.Module) -> Iterator[str]:
    names = {name for node in tree.body for name in _defined(node)}
    if not names & {*HOOKS, "*"}:
        yield "it has neither preprocess nor postprocess"
    for node in tree.body:
        if isinstance(node, ast.AsyncFunctionDef) and node.name in HOOKS:
            yield f"{node.name} is async; write it with a plain def"
        elif isinstance(node, ast.FunctionDef) and node.name in HOOKS and not _takes(node.args, len(HOOKS[node.name])):
            yield f"line {node.lineno}: {node.name} must take ({', '.join(HOOKS[node.name])})"


def _defined(node: ast.stmt) -> Iterator[str]:
    """Names that a statement of the module may define; ``*`` where nobody can tell."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names)
    else:
        yield from (found.id for found in ast.walk(node) if isinstance(found, ast.Name))
        # Definitions inside of if and try count, too.
        yield from (found.name for found in ast.walk(node) if isinstance(found, ast.FunctionDef))


def _takes(arguments: ast.arguments, count: int) -> bool:
    """Whether a function can be called with that many positional arguments and nothing else."""
    positional = len(arguments.posonlyargs) + len(arguments.args)
    required = positional - len(arguments.defaults)
    enough = positional >= count or arguments.vararg is not None
    return required <= count and enough and None not in arguments.kw_defaults[: len(arguments.kwonlyargs)]


_USAGE = "write preprocess(request, inputs) and/or postprocess(outputs)"
