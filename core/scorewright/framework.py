"""The record a framework plugin registers, and the frozen requests and results its callables exchange with the core.

A plugin author returns `Framework` records from the hook ``scorewright_frameworks``. Every callable takes one request
and returns one result, so that a new field breaks nobody. None of them may import the framework itself: detection and
inspection read the model's own files, so ``check`` answers in a second on a machine without any framework.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from .catalogue import Catalogue, Extension
    from .findings import Finding, Json
    from .signature import Signature, TensorSpec

OptionValue: TypeAlias = "bool | int | float | str"
"""What an option of a framework may be set to."""


@dataclass(frozen=True)
class Option:
    """A setting that a framework has of its own; the deploy file says it under ``framework.options``.

    ``summary``: what it does, for people. ``allowed``: the values it takes, or the type that they are of. ``formats``:
    the formats it works with; none named: all. An option that is not set is absent, and ``false`` means the same.
    """

    summary: str
    allowed: type[OptionValue] | tuple[OptionValue, ...] = bool
    formats: tuple[str, ...] = ()


@dataclass(frozen=True)
class DetectRequest:
    """Asks whether a path is a model of this framework. ``path``: an existing file or folder."""

    path: Path


@dataclass(frozen=True)
class Detection:
    """Says that it is. ``format``: the plugin's own name for the format (``savedmodel``, ``onnx``);
    ``reason``: what was seen, for people."""

    format: str
    reason: str


@dataclass(frozen=True)
class InspectRequest:
    """Asks what a model file says of itself.

    ``inputs``, ``outputs``: what the deploy file declares; it fills gaps and is compared with the model.
    ``output_names``: the names to return where the deploy file only lists them.
    ``options``: the other fields of the deploy file's ``model`` (``module``, ``factory``, ``allow_pickle``).
    """

    path: Path
    format: str
    inputs: tuple[TensorSpec, ...] | None = None
    outputs: tuple[TensorSpec, ...] | None = None
    options: Mapping[str, Json] = field(default_factory=dict)
    output_names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Inspection:
    """What a model file says of itself.

    ``signature``: None where the format holds none and the deploy file does not say it; then ``findings`` has an error
    whose hint is the YAML to write. ``written_by``: the framework version that wrote the file, where it says so.
    ``load``: plain values that the plugin's own templates need (a tag set, a signature key, a file name).
    ``files``: further files of the user's that the bundle needs beside ``score.py``, by name in the bundle.
    ``weights_bytes``: memory that the parameters take once loaded.
    ``findings``: their ``path`` counts from the service (``model.module``); the core puts the service's before it.
    """

    signature: Signature | None
    written_by: str | None = None
    load: Mapping[str, Json] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    weights_bytes: int | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Requirement:
    """One package of the environment, in its GPU and its CPU form.

    ``gpu``, ``cpu``: PEP 508 requirements (``tensorflow[and-cuda]==2.21.0``, ``tensorflow-cpu==2.21.0``).
    ``same_as``: other distributions that provide the same module when installed at the same version
    (``tensorflow`` for ``tensorflow-cpu``). ``index``: the package index the GPU form must come from; ``cpu_index``
    likewise; None is the ordinary one. ``with_gpu``: further requirements that only the GPU form has.
    """

    gpu: str
    cpu: str
    same_as: tuple[str, ...] = ()
    index: str | None = None
    cpu_index: str | None = None
    with_gpu: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResolveRequest:
    """Asks which packages serve a model.

    ``version``: what the deploy file asks for, None for the default. ``written_by``: the version that wrote the model.
    ``python``: what the deploy file asks for. ``vm_size``: the cluster's; None where no cluster is involved.
    ``gpu``: whether the environment must carry CUDA. ``format``: as detected. ``load``: `Inspection.load`.
    ``catalogue``: the facts to decide by, the user's own included; None is those that ship. ``options``: the values of
    `Framework.options` that the deploy file sets, checked.
    """

    format: str
    gpu: bool
    version: str | None = None
    written_by: str | None = None
    python: str | None = None
    vm_size: str | None = None
    load: Mapping[str, Json] = field(default_factory=dict)
    catalogue: Catalogue | None = None
    options: Mapping[str, OptionValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Resolution:
    """The packages that serve a model.

    ``python``: the minor to build with (``3.12``); ``pythons``: every minor that would do. ``requirements``: the
    framework and its pins, the server stack not included. ``image``: a base image with a tag. ``variables``:
    environment variables the container needs. ``choices``: one line for each choice and each rejection, for people.
    """

    version: str
    python: str
    pythons: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    image: str
    variables: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class ScriptRequest:
    """Asks for the framework's part of a bundle.

    ``config``: the service's configuration as plain values (see docs/internals.md); the template writes it as one
    Python literal. ``conda``: the conda environment as plain values (``name``, ``channels``, ``dependencies``); the
    template writes it through the ``yaml`` filter. ``inspection``: what was read from the model.
    """

    format: str
    config: Mapping[str, Json]
    conda: Mapping[str, Json]
    inspection: Inspection


@dataclass(frozen=True)
class Script:
    """The framework's part of a bundle: ``score`` is the text of ``score.py``, ``conda`` of ``conda.yml``; ``files``
    are further modules that ``score.py`` imports, by name in the bundle (a third party's loader beside it)."""

    score: str
    conda: str
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Framework:
    """A framework, as a plugin registers it.

    ``name``: what the deploy file says (``tensorflow``). ``summary``: one line for ``scorewright plugins``.
    ``detect``: None where the path is not this framework's. ``api``: the plugin API's version the plugin was written
    for; a plugin for a later one is refused by name. ``facts``: rows for the catalogue, such as the framework's own
    releases, in the form of ``scorewright-catalogue.yaml``: table, key, fields. ``options``: the settings that it takes
    under ``framework.options``, by name; the core checks them, and ``CONFIG["options"]`` holds those that are set.
    """

    name: str
    summary: str
    detect: Callable[[DetectRequest], Detection | None]
    inspect: Callable[[InspectRequest], Inspection]
    resolve: Callable[[ResolveRequest], Resolution]
    script: Callable[[ScriptRequest], Script]
    api: int = 1
    facts: Extension = field(default_factory=dict)
    options: Mapping[str, Option] = field(default_factory=dict)
