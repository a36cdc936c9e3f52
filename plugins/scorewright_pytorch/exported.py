"""Programs of ``torch.export``: JSON says every input and output with dtype and shape, open axes by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scorewright.declared import settle
from scorewright.findings import Finding, Level
from scorewright.framework import Inspection
from scorewright.signature import DTYPES, Signature, TensorSpec

from .archive import Archive
from .notes import saved_on_gpu
from .safety import reasons

if TYPE_CHECKING:
    from scorewright.framework import InspectRequest

# torch's numbers for dtypes: `ScalarType` in torch/_export/serde/schema.py
_DTYPES = {
    **{1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64"},
    **{12: "bool", 13: "bfloat16", 28: "uint16", 34: "uint32", 35: "uint64"},
}
_OLD_PROGRAM = "serialized_exported_program.json"


class Unserved(ValueError):
    """The program takes or gives something that cannot be served. The text says what."""


def inspect_exported(request: InspectRequest) -> Inspection:
    """Read signature, version and weights. Raises `ValueError` or `OSError` if the archive cannot be read."""
    with Archive(request.path) as archive:
        programs = [name for name in archive.under("models/") if name.endswith(".json")]
        if not programs and _OLD_PROGRAM not in archive:
            return Inspection(None, findings=(_compiled_only(request),))
        program = archive.json(programs[0] if programs else _OLD_PROGRAM)
        code = reasons(archive, program)
        weights = sum(archive.size(name) for name in archive.under("data/weights/") if not name.endswith(".json"))
        weights += sum(archive.size(name) for name in archive.under("serialized_state_dict"))
    allow = bool(request.options.get("allow_pickle"))
    findings = [] if allow or not code else [_runs_code(code)]
    version = program.get("torch_version")
    written_by = f"torch {version}" if version else None
    try:
        found, load = _signature(program)
    except (Unserved, KeyError, TypeError, IndexError, AttributeError) as error:
        reason = str(error) if isinstance(error, Unserved) else "its description is not laid out as torch.export does"
        finding = Finding(Level.ERROR, "SW1217", f"the program cannot be served: {reason}", path="model.path")
        return Inspection(None, written_by, weights_bytes=weights, findings=(*findings, finding))
    signature, differences = settle(request, found)
    findings += [*saved_on_gpu(_devices(program)), *_row_limits(program, found)]
    return Inspection(
        signature=signature,
        written_by=written_by,
        load={**load, "pickle": allow},
        weights_bytes=weights,
        findings=(*findings, *differences),
    )


def _signature(program: dict[str, Any]) -> tuple[Signature, dict[str, Any]]:
    module = program["graph_module"]
    values = module["graph"]["tensor_values"]
    inputs = _user_inputs(program)
    outputs = [spec["user_output"]["arg"] for spec in module["signature"]["output_specs"] if "user_output" in spec]
    entry = next(call["signature"] for call in module["module_call_graph"] if call["fqn"] == "")
    positional, keywords = _in_names(entry, len(inputs))
    names = [*positional, *keywords]
    in_specs = [_tensor(name, arg, values) for name, arg in zip(names, inputs, strict=True)]
    out_names = _out_names(entry, len(outputs))
    out_specs = [_tensor(name, arg, values) for name, arg in zip(out_names, outputs, strict=True)]
    symbols = {_first_axis(arg, values) for arg in (*inputs, *outputs)}
    batch = len(symbols) == 1 and None not in symbols
    return Signature(tuple(in_specs), tuple(out_specs), batch), {"args": positional, "kwargs": keywords}


def _in_names(entry: dict[str, Any], count: int) -> tuple[list[str], list[str]]:
    """Names of the positional and of the keyword inputs."""
    call = json.loads(entry["in_spec"])[1]
    args, kwargs = call["children_spec"]
    flat = [*args["children_spec"], *kwargs["children_spec"]]
    names = entry.get("forward_arg_names") or [f"input_{number}" for number in range(count)]
    if any(child["children_spec"] for child in flat) or len(flat) != count or len(names) != count:
        raise Unserved("it takes lists, tuples or dicts of tensors; make every tensor an argument of its own")
    split = len(args["children_spec"])
    return list(names[:split]), list(names[split:])


def _out_names(entry: dict[str, Any], count: int) -> list[str]:
    """A dict's keys; ``output`` for one tensor; ``output_0`` and so on for a list or tuple."""
    result = json.loads(entry["out_spec"])[1]
    children = result["children_spec"]
    if any(child["children_spec"] for child in children):
        raise Unserved("its result nests lists, tuples or dicts; return one of them, flat")
    if str(result["type"]).endswith(("dict", "OrderedDict")):
        return [str(key) for key in json.loads(result["context"])]
    return ["output"] if not children else [f"output_{number}" for number in range(count)]


def _tensor(name: str, arg: dict[str, Any], values: dict[str, Any]) -> TensorSpec:
    if "as_tensor" not in arg:
        raise Unserved(f"{name!r} is no tensor")
    value = values[arg["as_tensor"]["name"]]
    dtype = _DTYPES.get(value["dtype"], f"dtype number {value['dtype']}")
    if dtype not in DTYPES:
        raise Unserved(f"{name!r} has torch's {dtype}")
    return TensorSpec(name, dtype, tuple(size.get("as_int") for size in value["sizes"]))


def _first_axis(arg: dict[str, Any], values: dict[str, Any]) -> str | None:
    """The symbol of a tensor's first axis, None if it is fixed or there is none."""
    sizes = values[arg["as_tensor"]["name"]]["sizes"]
    return sizes[0]["as_expr"]["expr_str"] if sizes and "as_expr" in sizes[0] else None


def _devices(program: dict[str, Any]) -> set[str]:
    values = program["graph_module"]["graph"]["tensor_values"].values()
    return {str(value["device"]["type"]) for value in values}


def _row_limits(program: dict[str, Any], found: Signature) -> list[Finding]:
    """A warning where the batch axis was exported with a most: more rows than that are an error in the program."""
    if not found.batch:
        return []
    most = _most(program, _first_axis(_user_inputs(program)[0], program["graph_module"]["graph"]["tensor_values"]))
    if most is None:
        return []
    message = f"the program was exported for at most {most} rows"
    hint = f"batching: {{max_batch_size: {most}}}"
    return [Finding(Level.WARNING, "SW1214", message, hint=hint, path="batching.max_batch_size")]


def _most(program: dict[str, Any], axis: str | None) -> int | None:
    """The most that an open axis was exported for; the program says it by the symbol's name."""
    for name, said in (program.get("range_constraints") or {}).items():
        if str(axis).startswith(f"Symbol('{name}'") and isinstance(said.get("max_val"), int):
            return int(said["max_val"])
    return None


def _user_inputs(program: dict[str, Any]) -> list[dict[str, Any]]:
    specs = program["graph_module"]["signature"]["input_specs"]
    return [spec["user_input"]["arg"] for spec in specs if "user_input" in spec]


def _compiled_only(request: InspectRequest) -> Finding:
    message = f"{request.path.name} holds no exported program (compiled packages are tied to one machine)"
    hint = "save the program itself: torch.export.save(program, 'model.pt2')"
    return Finding(Level.ERROR, "SW1211", message, hint=hint, path="model.path")


def _runs_code(code: list[str]) -> Finding:
    message = f"loading the file could run code of its author's: {'; '.join(code[:3])}"
    hint = "export it again without custom objects, or, if you trust the file:\nmodel: {allow_pickle: true}"
    return Finding(Level.ERROR, "SW1215", message, hint=hint, path="model.allow_pickle")
