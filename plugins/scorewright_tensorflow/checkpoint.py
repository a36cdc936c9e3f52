"""TensorFlow 1 checkpoints: ``PREFIX.meta`` holds the graph, ``PREFIX.index`` and its shards the variables.

Such a file seldom says what the network's outputs are, since it holds the whole training graph; then the deploy file
names them (``outputs: ["network/output/MatMul:0"]``) and the inputs are the placeholders they need.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scorewright.declared import batches, settle, undeclared
from scorewright.findings import Finding, Level
from scorewright.framework import Inspection
from scorewright.protowire import parse_file
from scorewright.signature import DTYPES, Signature, TensorSpec

from .checkpoint_files import variable_files
from .graph import Graph
from .proto import meta_graph
from .savedmodel import signature_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scorewright.findings import Json
    from scorewright.framework import InspectRequest

    from .proto import MetaGraph

FORMAT = "checkpoint"
_LATEST = re.compile(r'^model_checkpoint_path:\s*"(.*)"\s*$', re.MULTILINE)


def meta_files(folder: Path) -> list[Path]:
    """The ``.meta`` files of a checkpoint folder: those with an ``.index`` beside them, else all of them."""
    metas = sorted(file for file in folder.glob("*.meta") if file.is_file())
    return [file for file in metas if file.with_suffix(".index").is_file()] or metas


def inspect_checkpoint(request: InspectRequest) -> Inspection:
    """Read graph and variables. Raises `WireError` or `OSError` if the ``.meta`` file cannot be read."""
    if request.path.is_file():
        return Inspection(None, findings=(_give_folder(request.path),))
    meta, prefix = _chosen(request.path)
    if meta is None:
        return Inspection(None, findings=(_which(request.path),))
    weights, findings = variable_files(request.path, prefix)
    graph = meta_graph(parse_file(meta))
    nodes = Graph(graph.message.message(2))
    signature, differences = _signature(request, graph, nodes)
    feed = _fed(signature, nodes)
    return Inspection(
        signature=signature,
        written_by=graph.version or None,
        load={"meta": meta.name, "prefix": prefix, **({"feed": feed} if feed else {})},
        weights_bytes=weights,
        findings=(*findings, *differences, *_told(feed)),
    )


def _fed(signature: Signature | None, nodes: Graph) -> dict[str, Json]:
    """What every call feeds besides the inputs: values that say that nobody trains."""
    if signature is None:
        return {}
    inputs = {spec.tensor or spec.name for spec in signature.inputs}
    switches = nodes.switches_of(spec.tensor or spec.name for spec in signature.outputs)
    return {name: value for name, value in switches.items() if name not in inputs}


def _told(feed: Mapping[str, Json]) -> list[Finding]:
    if not feed:
        return []
    values = ", ".join(f"{name} is {str(value).lower()}" for name, value in feed.items())
    message = f"the graph can train and serve; it is told to serve: {values}"
    hint = "if that is wrong, declare the placeholder under inputs; then every request has to say it"
    return [Finding(Level.INFO, "SW1221", message, hint=hint, path="model.path")]


def _chosen(folder: Path) -> tuple[Path | None, str]:
    """The ``.meta`` file and the prefix of the variables: what the file ``checkpoint`` names, else the only ones."""
    metas = meta_files(folder)
    latest = _latest(folder)
    for meta in metas:
        if meta.stem == latest:
            return meta, meta.stem
    if len(metas) != 1:
        return None, ""
    # Training may write the graph once and the variables at every step.
    return metas[0], latest if latest and (folder / f"{latest}.index").is_file() else metas[0].stem


def _latest(folder: Path) -> str | None:
    try:
        text = (folder / "checkpoint").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    match = _LATEST.search(text)
    return Path(match[1]).name if match else None


def _signature(request: InspectRequest, graph: MetaGraph, nodes: Graph) -> tuple[Signature | None, tuple[Finding, ...]]:
    request = replace(request, inputs=_numbered(request.inputs, nodes), outputs=_numbered(request.outputs, nodes))
    wanted = _wanted(request)
    if wanted:
        return _from_outputs(request, nodes, wanted)
    if graph.signatures:
        key = "serving_default" if "serving_default" in graph.signatures else next(iter(graph.signatures))
        return signature_of(request, graph.signatures[key], by_tensor=True)
    candidates = tuple(replace(spec, dtype=spec.dtype or "float32") for spec in nodes.candidates())
    message = "the checkpoint holds a whole training graph and does not say which of its tensors are the outputs"
    if len(candidates) > 1:
        message += f"; likely ones: {', '.join(spec.name for spec in candidates)}"
    return None, (undeclared(message, outputs=candidates[:1] or (TensorSpec("scope/name:0", "float32", (None,)),)),)


def _numbered(specs: tuple[TensorSpec, ...] | None, nodes: Graph) -> tuple[TensorSpec, ...] | None:
    """Declared tensors with the number of the operation's output, which users leave out where it is 0."""
    if specs is None:
        return None
    found = [(spec, nodes.tensor(spec.tensor or spec.name)) for spec in specs]
    return tuple(replace(spec, tensor=known.tensor) if known and known.tensor else spec for spec, known in found)


def _wanted(request: InspectRequest) -> tuple[TensorSpec, ...]:
    if request.outputs:
        return request.outputs
    return tuple(TensorSpec(name, "", None) for name in request.output_names or ())


def _from_outputs(
    request: InspectRequest, nodes: Graph, wanted: tuple[TensorSpec, ...]
) -> tuple[Signature | None, tuple[Finding, ...]]:
    outputs: list[TensorSpec] = []
    findings: list[Finding] = []
    for spec in wanted:
        found = nodes.tensor(spec.tensor or spec.name)
        if found is None:
            findings.append(_no_tensor(spec, nodes))
        else:
            outputs.append(_named(spec, found))
    inputs = _inputs(request, nodes, [spec.tensor or spec.name for spec in outputs])
    findings += [_unserved(spec) for spec in (*inputs, *outputs) if spec.dtype not in DTYPES]
    if not inputs and not findings:
        findings.append(_no_inputs(outputs))
    if findings:
        return None, tuple(findings)
    return settle(request, Signature(inputs, tuple(outputs), batches([*inputs, *outputs])))


def _inputs(request: InspectRequest, nodes: Graph, outputs: Sequence[str]) -> tuple[TensorSpec, ...]:
    """What a request has to bring: the placeholders, those by which training is told from serving only if declared."""
    declared = {spec.tensor or spec.name for spec in request.inputs or ()}
    switches = nodes.switches_of(outputs).keys()
    needed = [spec for spec in nodes.placeholders_of(outputs) if spec.name not in switches - declared]
    known = {spec.name for spec in needed}
    asked = [nodes.tensor(name) for name in sorted(switches & declared) if name not in known]
    return (*needed, *(spec for spec in asked if spec is not None))


def _named(wanted: TensorSpec, found: TensorSpec) -> TensorSpec:
    """The graph's tensor under the name that the deploy file gives it."""
    inner = found.tensor or found.name
    return TensorSpec(
        wanted.name, found.dtype or wanted.dtype or "float32", found.shape, None if inner == wanted.name else inner
    )


def _no_tensor(wanted: TensorSpec, nodes: Graph) -> Finding:
    name = wanted.tensor or wanted.name
    likely = ", ".join(spec.name for spec in nodes.candidates()) or "none found"
    message = f"outputs: the graph has no tensor {name!r}; likely outputs: {likely}"
    return Finding(Level.ERROR, "SW1214", message, hint="write the tensor's name as in name_scope/op:0", path="outputs")


def _no_inputs(outputs: list[TensorSpec]) -> Finding:
    names = ", ".join(spec.name for spec in outputs)
    message = f"outputs: {names} needs no placeholder, so there is nothing to feed"
    return Finding(Level.ERROR, "SW1214", message, hint="name a tensor that depends on an input", path="outputs")


def _unserved(spec: TensorSpec) -> Finding:
    message = f"{spec.name!r} is a {spec.dtype}, which cannot be served"
    return Finding(Level.ERROR, "SW1217", message, hint="name another tensor under outputs", path="outputs")


def _give_folder(path: Path) -> Finding:
    message = f"{path.name} is only the graph; its variables lie beside it and would stay behind"
    hint = f"give the folder:\nmodel: {{path: {path.parent.name}}}"
    return Finding(Level.ERROR, "SW1212", message, hint=hint, path="model.path")


def _which(folder: Path) -> Finding:
    names = ", ".join(file.name for file in meta_files(folder)) or "none"
    message = f"the folder {folder} has several checkpoints and does not say which is the latest: {names}"
    hint = "keep one, or keep the file named checkpoint that the training wrote"
    return Finding(Level.ERROR, "SW1211", message, hint=hint, path="model.path")
