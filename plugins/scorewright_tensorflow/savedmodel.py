"""SavedModel folders: ``saved_model.pb`` says the signature, ``variables/`` holds the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.declared import batches, settle
from scorewright.findings import Finding, Level
from scorewright.framework import Inspection
from scorewright.protowire import parse_file
from scorewright.signature import DTYPES, Signature, TensorSpec

from .checkpoint_files import variable_files
from .proto import VARIABLE_OPS, meta_graph

if TYPE_CHECKING:
    from scorewright.framework import InspectRequest

    from .proto import MetaGraph, SignatureDef, Tensor

FORMAT = "savedmodel"
_PREFERRED = ("serving_default", "serve", "predict")
_INTERNAL = frozenset(["__saved_model_init_op", "__saved_model_train_op"])
_EXPORT_HINT = "export it with one: tf.saved_model.save(model, folder, signatures=model.serve), or model.export(folder)"


def inspect_savedmodel(request: InspectRequest) -> Inspection:
    """Read tags, signature and version. Raises `WireError` or `OSError` if ``saved_model.pb`` cannot be read."""
    saved = parse_file(request.path / "saved_model.pb")
    graphs = [meta_graph(message) for message in saved.messages(2)]
    chosen = _graph(graphs)
    if chosen is None:
        return Inspection(None, findings=(_unsigned("it holds no graph"),))
    weights, findings = _weights(request, chosen)
    key, choice = _signature_key(chosen)
    findings += choice
    if key is None:
        return Inspection(None, written_by=chosen.version or None, findings=tuple(findings))
    signature, differences = signature_of(request, chosen.signatures[key], by_tensor=False)
    return Inspection(
        signature=signature,
        written_by=chosen.version or None,
        load={"tags": list(chosen.tags), "signature": key},
        weights_bytes=weights,
        findings=(*findings, *differences),
    )


def signature_of(
    request: InspectRequest, found: SignatureDef, *, by_tensor: bool
) -> tuple[Signature | None, tuple[Finding, ...]]:
    """A signature of the file, compared with the deploy file. ``by_tensor``: the loader needs the graph's names."""
    asked = set(request.output_names or ()) | {tensor.tensor or tensor.name for tensor in request.outputs or ()}
    needed = [tensor for tensor in found.outputs if not asked or tensor.key in asked or tensor.name in asked]
    refused = [tensor for tensor in (*found.inputs, *needed) if tensor.kind not in DTYPES]
    if refused:
        return None, tuple(map(_unserved, refused))
    inputs = tuple(_spec(tensor, by_tensor) for tensor in found.inputs)
    outputs = tuple(_spec(tensor, by_tensor) for tensor in found.outputs if tensor.kind in DTYPES)
    return settle(request, Signature(inputs, outputs, bool(inputs) and batches([*inputs, *outputs])))


def _graph(graphs: list[MetaGraph]) -> MetaGraph | None:
    """The graph for serving, the one without further tags (``gpu``, ``tpu``) first."""
    return min(graphs, key=lambda graph: ("serve" not in graph.tags, len(graph.tags)), default=None)


def _weights(request: InspectRequest, graph: MetaGraph) -> tuple[int, list[Finding]]:
    """What `variable_files` says; a model without variables needs no files for them."""
    folder = request.path / "variables"
    has_variables = any(node.text(2) in VARIABLE_OPS for node in graph.nodes())
    return variable_files(folder, "variables") if has_variables or folder.is_dir() else (0, [])


def _signature_key(graph: MetaGraph) -> tuple[str | None, list[Finding]]:
    keys = [key for key in graph.signatures if key not in _INTERNAL]
    if not keys:
        return None, [_unsigned("it has no signature, so nothing says what goes in and out")]
    chosen = next((key for key in _PREFERRED if key in keys), keys[0])
    if len(keys) == 1 or chosen == _PREFERRED[0]:
        return chosen, []
    message = f"the model has the signatures {', '.join(keys)}; {chosen!r} is served"
    hint = "name the one to serve 'serving_default' when saving"
    return chosen, [Finding(Level.WARNING, "SW1213", message, hint=hint, path="model.path")]


def _spec(tensor: Tensor, by_tensor: bool) -> TensorSpec:
    inner = tensor.name if by_tensor and tensor.name != tensor.key else None
    return TensorSpec(tensor.key, tensor.kind, tensor.shape, inner)


def _unsigned(reason: str) -> Finding:
    return Finding(Level.ERROR, "SW1213", f"the SavedModel cannot be served: {reason}", _EXPORT_HINT, "model.path")


def _unserved(tensor: Tensor) -> Finding:
    message = f"{tensor.key!r} is a {tensor.kind}, which cannot be served"
    return Finding(Level.ERROR, "SW1217", message, "export a signature with plain tensors", "model.path")
