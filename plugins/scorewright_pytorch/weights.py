"""Weights without code: a state dict of ``torch.save`` or safetensors; and pickles of whole modules, with code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from scorewright.declared import batches, settle, undeclared
from scorewright.findings import Finding, Level
from scorewright.framework import Inspection
from scorewright.signature import Signature, TensorSpec

from .archive import content, state_dict_keys
from .guess import guess_inputs, guess_outputs
from .module_file import Network, read_network
from .notes import saved_on_gpu
from .tensors import StoredTensor, items_of, stored_bytes, tensor_bytes, tensors_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scorewright.findings import Json
    from scorewright.framework import InspectRequest

_FOLDER = "model_module"
_SAFETENSORS = {
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "BOOL": "bool"},
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
}


def inspect_state_dict(request: InspectRequest) -> Inspection:
    """Read names and shapes of the weights. Raises `ValueError` or `OSError` if the file cannot be read."""
    value = content(request.path)
    keys = state_dict_keys(value)
    if keys is None:
        held = ", ".join(str(key) for key, _ in items_of(value) or ()) or "nothing"
        message = f"{request.path.name} holds no state dict, or several; it holds {held}"
        hint = "save the weights alone: torch.save(network.state_dict(), 'weights.pt')"
        return Inspection(None, findings=(Finding(Level.ERROR, "SW1213", message, hint=hint, path="model.path"),))
    inner = value
    for key in keys:
        inner = next(item for name, item in items_of(inner) or () if name == key)
    stored = tensors_of(inner) or {}
    return _with_network(request, stored, stored_bytes(inner), {"keys": list(keys)})


def inspect_safetensors(request: InspectRequest) -> Inspection:
    """Read the header. Raises `ValueError` or `OSError` if the file cannot be read.

    The format: https://github.com/huggingface/safetensors#format
    """
    with request.path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        start = file.tell()
    entries = {key: said for key, said in header.items() if key != "__metadata__"}
    end = start + max((said["data_offsets"][1] for said in entries.values()), default=0)
    if request.path.stat().st_size < end:
        raise ValueError(f"it needs {end} bytes and has {request.path.stat().st_size}")
    stored = {
        key: StoredTensor(_SAFETENSORS.get(said["dtype"], said["dtype"]), tuple(said["shape"]), "cpu")
        for key, said in entries.items()
    }
    return _with_network(request, stored, sum(map(tensor_bytes, stored.values())), {"keys": []})


def inspect_pickle(request: InspectRequest) -> Inspection:
    """A whole module as a pickle: refused unless the deploy file consents, since loading it runs its code."""
    value = content(request.path)
    if not request.options.get("allow_pickle"):
        message = f"{request.path.name} is a pickle of a whole module, which runs code when it is loaded"
        hint = (
            "save the weights alone (torch.save(network.state_dict(), 'weights.pt')) and give model.module, "
            "or, if you trust the file:\nmodel: {allow_pickle: true}"
        )
        finding = Finding(Level.ERROR, "SW1215", message, hint=hint, path="model.allow_pickle")
        return Inspection(None, weights_bytes=stored_bytes(value), findings=(finding,))
    return _with_network(request, {}, stored_bytes(value), {"pickle": True}, needs_module=False)


def _with_network(
    request: InspectRequest,
    stored: Mapping[str, StoredTensor],
    weights: int,
    load: Mapping[str, Json],
    *,
    needs_module: bool = True,
) -> Inspection:
    """Put weights and the file that defines their network together."""
    module = request.options.get("module")
    network: Network | Finding | None = None
    if module is not None:
        path = Path(str(module))
        factory = request.options.get("factory")
        network = read_network(path, None if factory is None else str(factory)) if needs_module else None
        load = {**load, "module": _in_bundle(path)}
    elif needs_module:
        network = _no_module(request)
    findings = [network] if isinstance(network, Finding) else []
    args = network.args if isinstance(network, Network) else None
    signature, differences = _signature(request, args, stored)
    if isinstance(network, Network):
        load = {**load, "factory": network.factory}
    order = args or tuple(spec.tensor or spec.name for spec in request.inputs or ())
    return Inspection(
        signature=signature,
        load={**load, "args": list(order)},
        files={} if module is None else {_in_bundle(Path(str(module))): Path(str(module))},
        weights_bytes=weights,
        findings=(*findings, *differences, *saved_on_gpu({found.device for found in stored.values()})),
    )


def _signature(
    request: InspectRequest, args: tuple[str, ...] | None, stored: Mapping[str, StoredTensor]
) -> tuple[Signature | None, tuple[Finding, ...]]:
    if request.inputs is None or request.outputs is None:
        message = "weights alone do not say what goes in and out"
        inputs = () if request.inputs else guess_inputs(args or ("x",), (), stored)
        outputs = () if request.outputs else guess_outputs(1, stored)
        return None, (undeclared(message, inputs=inputs, outputs=outputs),)
    batch = batches([*request.inputs, *request.outputs])
    if args is None:
        return Signature(request.inputs, request.outputs, batch), ()
    declared = {spec.tensor or spec.name: spec for spec in request.inputs}
    only = request.inputs[0] if len(request.inputs) == len(args) == 1 else None
    specs = [(name, declared.get(name, only)) for name in args]
    found = tuple(TensorSpec(name, spec.dtype if spec else "float32", None) for name, spec in specs)
    return settle(request, Signature(found, request.outputs, batch))


def _in_bundle(path: Path) -> str:
    """Where the bundle has the user's file: apart from its own, under a name that can be imported."""
    return f"{_FOLDER}/{path.stem if path.stem.isidentifier() else 'network'}.py"


def _no_module(request: InspectRequest) -> Finding:
    message = f"{request.path.name} holds weights; which network they belong to stands in no file of it"
    hint = "give the Python file that defines the network:\nmodel: {module: net.py}"
    return Finding(Level.ERROR, "SW1218", message, hint=hint, path="model.module")
