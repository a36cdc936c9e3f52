"""TorchScript archives: code says the names of inputs and the kind of result, but no dtype and no shape."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scorewright.declared import batches, settle, undeclared
from scorewright.findings import Finding, Level
from scorewright.framework import Inspection
from scorewright.signature import Signature, TensorSpec

from .archive import Archive
from .guess import guess_inputs, guess_outputs
from .notes import saved_on_gpu
from .pickles import Call, Global, PickleError, read_pickle
from .tensors import StoredTensor, items_of, stored_bytes, tensor

if TYPE_CHECKING:
    from scorewright.framework import InspectRequest


@dataclass(frozen=True)
class Forward:
    """A forward method. ``args``: the tensors it needs; ``others``: further arguments it needs, with their type.
    ``results``: how many tensors it returns, None where that is open (a dict, a list)."""

    args: tuple[str, ...]
    others: tuple[str, ...]
    results: int | None


def inspect_torchscript(request: InspectRequest) -> Inspection:
    """Read the forward method and the weights. Raises `ValueError` or `OSError` if the archive cannot be read."""
    with Archive(request.path) as archive:
        root = read_pickle(archive.read("data.pkl"))
        forward = _forward(archive, root)
        samples = _samples(archive)
    stored = _stored(root)
    if forward.others:
        message = f"forward needs more than tensors: {', '.join(forward.others)}"
        hint = "wrap the model in one whose forward takes tensors only, and script that"
        finding = Finding(Level.ERROR, "SW1217", message, hint=hint, path="model.path")
        return Inspection(None, weights_bytes=stored_bytes(root), findings=(finding,))
    signature, findings = _signature(request, forward, samples, stored)
    return Inspection(
        signature=signature,
        load={"args": list(forward.args)},
        weights_bytes=stored_bytes(root),
        findings=(*findings, *saved_on_gpu({found.device for found in stored.values()})),
    )


def _signature(
    request: InspectRequest, forward: Forward, samples: list[StoredTensor], stored: dict[str, StoredTensor]
) -> tuple[Signature | None, tuple[Finding, ...]]:
    if request.inputs is None or request.outputs is None:
        message = "a TorchScript file does not say the dtypes and shapes of what goes in and out"
        inputs = () if request.inputs else guess_inputs(forward.args, samples, stored)
        outputs = () if request.outputs else guess_outputs(forward.results or 1, stored)
        return None, (undeclared(message, inputs=inputs, outputs=outputs),)
    declared = {spec.tensor or spec.name: spec for spec in request.inputs}
    only = request.inputs[0] if len(request.inputs) == len(forward.args) == 1 else None
    found = []
    for name in forward.args:
        spec = declared.get(name, only)
        found.append(TensorSpec(name, spec.dtype if spec else "float32", None))
    batch = batches([*request.inputs, *request.outputs])
    signature, findings = settle(request, Signature(tuple(found), request.outputs, batch))
    if forward.results not in (None, len(request.outputs)):
        message = f"outputs: the model returns {forward.results} tensors, the deploy file names {len(request.outputs)}"
        hint = "name each of them, in the order that forward returns them"
        findings = (*findings, Finding(Level.ERROR, "SW1214", message, hint=hint, path="outputs"))
    return signature, findings


def _forward(archive: Archive, root: object) -> Forward:
    """The forward method of the archive's root class. Raises `ValueError` if there is none."""
    target = root.target if isinstance(root, Call) else None
    if not isinstance(target, Global):
        raise ValueError("its data.pkl holds no module")
    module, _, class_name = target.name.rpartition(".")
    source = archive.read(f"code/{module.replace('.', '/')}.py")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ValueError("its code cannot be parsed") from error
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef) and statement.name == class_name:
            for method in statement.body:
                if isinstance(method, ast.FunctionDef) and method.name == "forward":
                    return _read_forward(method)
    raise ValueError("its module has no forward method")


def _read_forward(method: ast.FunctionDef) -> Forward:
    arguments = method.args.args[1:]
    needed = arguments[: len(arguments) - len(method.args.defaults)]
    args, others = [], []
    for argument in needed:
        kind = ast.unparse(argument.annotation) if argument.annotation else "Tensor"
        if kind == "Tensor":
            args.append(argument.arg)
        else:
            others.append(f"{argument.arg} ({kind})")
    return Forward(tuple(args), tuple(others), _results(method.returns))


def _results(annotation: ast.expr | None) -> int | None:
    if isinstance(annotation, ast.Name) and annotation.id == "Tensor":
        return 1
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Tuple":
        inner = annotation.slice
        return len(inner.elts) if isinstance(inner, ast.Tuple) else 1
    return None


def _samples(archive: Archive) -> list[StoredTensor]:
    """What a traced model was traced with; a scripted one has none."""
    if "traced_inputs.pkl" not in archive:
        return []
    try:
        traced = read_pickle(archive.read("traced_inputs.pkl"))
    except PickleError:
        return []
    items = items_of(_untagged(traced)) or []
    values = next((_untagged(value) for key, value in items if key == "forward"), [])
    found = [tensor(value) for value in values] if isinstance(values, list) else []
    return [sample for sample in found if sample is not None]


def _untagged(value: object) -> object:
    """TorchScript wraps containers in a call that gives their type."""
    return value.args[0] if isinstance(value, Call) and isinstance(value.args, tuple) and value.args else value


def _stored(root: object) -> dict[str, StoredTensor]:
    """The tensors of a module and of the modules in it, by their path, in the order that they were defined in."""
    found: dict[str, StoredTensor] = {}
    waiting: list[tuple[str, Any]] = [("", root)]
    while waiting:
        path, value = waiting.pop()
        stored = tensor(value)
        if stored is not None:
            found[path] = stored
        elif isinstance(value, Call):
            inner = [(f"{path}.{key}".lstrip("."), item) for key, item in items_of(value.state) or ()]
            waiting += reversed(inner)
    return found
