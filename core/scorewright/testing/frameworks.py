"""What every framework plugin must do, as tests. Subclass `FrameworkConformance` in a test module of yours."""

from __future__ import annotations

import ast
import json
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from ruamel.yaml import YAML

from scorewright import hookspecs
from scorewright.bundle import build
from scorewright.errors import ScorewrightError
from scorewright.framework import DetectRequest, Framework, InspectRequest, ResolveRequest, ScriptRequest
from scorewright.hashing import hash_model
from scorewright.plugins import PluginManager
from scorewright.resolve import resolve
from scorewright.signature import DTYPES, TensorSpec
from scorewright.spec.models import Spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from scorewright.findings import Json
    from scorewright.framework import Inspection

HOSTILE = "'''\"\"\"\\ \n{{ x }} {% raw %} __import__('os').system('true') # \u202e\u2028"
"""A text that tries to be more than text."""


@dataclass(frozen=True)
class ModelCase:
    """A real model. ``format``: what the plugin shall call it. ``inputs``, ``outputs``: as a deploy file would say
    them, where the model's own file does not. ``options``: the other fields of the deploy file's ``model``."""

    path: Path
    format: str
    inputs: tuple[TensorSpec, ...] | None = None
    outputs: tuple[TensorSpec, ...] | None = None
    options: Mapping[str, Json] = field(default_factory=dict)

    def request(self) -> InspectRequest:
        """The request to inspect it."""
        return InspectRequest(self.path, self.format, self.inputs, self.outputs, self.options)

    def service(self) -> dict[str, Any]:
        """The service of a deploy file that serves it."""
        model = {"path": str(self.path), **{key: value for key, value in self.options.items() if value is not None}}
        return {"model": model, "inputs": _declared(self.inputs), "outputs": _declared(self.outputs)}


class FrameworkConformance:
    """The suite for frameworks. Give it the fixtures ``framework`` and ``models``.

    ``models``: one case for each format, small ones; these tests load none of them. ``heavy``: modules that the plugin
    must do without until its bundle runs; put your framework's there.
    """

    heavy: tuple[str, ...] = ("tensorflow", "keras", "torch", "onnx", "onnxruntime")

    @pytest.fixture
    def framework(self) -> Framework:
        """The record that the plugin registers."""
        raise TypeError(f"{type(self).__name__} needs a fixture named framework")

    @pytest.fixture
    def models(self) -> Sequence[ModelCase]:
        """A real model of every format."""
        raise TypeError(f"{type(self).__name__} needs a fixture named models")

    def test_the_record_says_what_it_is(self, framework: Framework) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", framework.name)
        assert framework.summary
        assert "\n" not in framework.summary
        assert framework.api <= hookspecs.API
        for name, option in framework.options.items():
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
            assert option.summary
            assert "\n" not in option.summary
            assert option.allowed != ()

    def test_every_format_is_detected(self, framework: Framework, models: Sequence[ModelCase]) -> None:
        for case in models:
            found = framework.detect(DetectRequest(case.path))
            assert found is not None, case.path
            assert (found.format, bool(found.reason)) == (case.format, True)

    def test_it_works_on_a_machine_without_the_framework(
        self, framework: Framework, models: Sequence[ModelCase], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in self.heavy:
            monkeypatch.setitem(sys.modules, module, None)  # importing it fails now
        for case in models:
            assert framework.detect(DetectRequest(case.path))
            assert _bundle(framework, case)

    def test_what_is_no_model_is_not_detected(self, framework: Framework, tmp_path: Path) -> None:
        (tmp_path / "empty folder").mkdir()
        (tmp_path / "folder of notes").mkdir()
        (tmp_path / "folder of notes" / "notes.txt").write_text("nothing to see\n")
        (tmp_path / "empty").write_bytes(b"")
        (tmp_path / "noise.bin").write_bytes(bytes(range(256)) * 8)
        (tmp_path / "notes.json").write_text("{}")
        for path in tmp_path.iterdir():
            assert framework.detect(DetectRequest(path)) is None, path

    def test_a_signature_is_found_and_sound(self, framework: Framework, models: Sequence[ModelCase]) -> None:
        for case in models:
            signature = framework.inspect(case.request()).signature
            assert signature is not None, case.path
            for side in (signature.inputs, signature.outputs):
                names = [tensor.name for tensor in side]
                assert names
                assert len(set(names)) == len(names)
                assert {tensor.dtype for tensor in side} <= DTYPES
            if signature.batch:
                tensors = (*signature.inputs, *signature.outputs)
                assert all(tensor.shape is None or tensor.shape[0] is None for tensor in tensors)

    def test_inspecting_reads_only_and_says_the_same_twice(
        self, framework: Framework, models: Sequence[ModelCase]
    ) -> None:
        for case in models:
            before = hash_model(case.path)
            assert framework.inspect(case.request()) == framework.inspect(case.request())
            assert hash_model(case.path) == before

    def test_values_for_the_templates_are_plain_data(self, framework: Framework, models: Sequence[ModelCase]) -> None:
        for case in models:
            load = dict(framework.inspect(case.request()).load)
            assert json.loads(json.dumps(load, allow_nan=False)) == load

    @pytest.mark.parametrize("keep", [0.0, 0.5, 0.97])
    def test_a_damaged_model_is_refused_in_our_own_words(
        self, framework: Framework, models: Sequence[ModelCase], tmp_path: Path, keep: float
    ) -> None:
        for case in models:
            if case.path.is_file():
                path = tmp_path / case.path.name
                data = case.path.read_bytes()
                path.write_bytes(data[: int(len(data) * keep)])
                try:
                    framework.detect(DetectRequest(path))
                    framework.inspect(InspectRequest(path, case.format, case.inputs, case.outputs, case.options))
                except ScorewrightError as error:
                    assert error.summary

    @pytest.mark.parametrize("gpu", [True, False])
    def test_packages_are_pinned_requirements_for_a_named_image(
        self, framework: Framework, models: Sequence[ModelCase], gpu: bool
    ) -> None:
        for case in models:
            found = framework.resolve(ResolveRequest(case.format, gpu))
            assert found == framework.resolve(ResolveRequest(case.format, gpu))
            assert found.python in found.pythons
            assert ":" in found.image.rsplit("/", 1)[-1], "the image needs a tag"
            for requirement in found.requirements:
                assert Requirement(requirement.gpu).specifier
                assert Requirement(requirement.cpu).specifier

    @pytest.mark.parametrize("version", ["0.0.1", "999.1"])
    def test_a_version_that_does_not_exist_is_a_finding_or_an_error_of_ours(
        self, framework: Framework, models: Sequence[ModelCase], version: str
    ) -> None:
        for case in models:
            try:
                found = framework.resolve(ResolveRequest(case.format, gpu=True, version=version))
            except ScorewrightError as error:
                assert error.summary
            else:
                assert found.findings or version in found.version

    def test_the_script_holds_the_configuration_as_one_literal(
        self, framework: Framework, models: Sequence[ModelCase]
    ) -> None:
        for case in models:
            inspection = framework.inspect(case.request())
            tame = _render(framework, case, inspection, "a label")
            wild = _render(framework, case, inspection, HOSTILE)
            assert _without_config(tame) == _without_config(wild)
            for text, label in ((tame, "a label"), (wild, HOSTILE)):
                assert ast.literal_eval(_config(text)) == _settings(case, inspection, label)

    def test_the_script_has_what_the_server_calls(self, framework: Framework, models: Sequence[ModelCase]) -> None:
        for case in models:
            text = _render(framework, case, framework.inspect(case.request()), "a label")
            functions = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
            assert {"init", "run"} <= functions

    def test_the_conda_file_reads_back(self, framework: Framework, models: Sequence[ModelCase]) -> None:
        conda: dict[str, Json] = {"name": "no", "dependencies": ["python=3.10", "pip", {"pip": ["a[b]==1", "c>=2,<3"]}]}
        for case in models:
            request = ScriptRequest(case.format, {}, conda, framework.inspect(case.request()))
            assert YAML(typ="safe", pure=True).load(framework.script(request).conda) == conda

    def test_a_bundle_has_the_same_bytes_every_time(self, framework: Framework, models: Sequence[ModelCase]) -> None:
        for case in models:
            assert dict(_bundle(framework, case)) == dict(_bundle(framework, case))


class _Plugin:
    def __init__(self, framework: Framework) -> None:
        self.framework = framework

    @hookspecs.hookimpl
    def scorewright_frameworks(self) -> Iterable[Framework]:
        return [self.framework]


def _bundle(framework: Framework, case: ModelCase) -> Mapping[str, bytes]:
    plugins = PluginManager()
    plugins.register(_Plugin(framework))
    spec = Spec.model_validate({"scorewright": 1, "services": {"model": case.service()}})
    resolved = resolve(spec, plugins)
    assert "model" in resolved.services, resolved.findings
    return build(resolved.services["model"]).files


def _settings(case: ModelCase, inspection: Inspection, label: str) -> dict[str, Json]:
    signature = inspection.signature
    assert signature is not None
    return {
        "service": "model",
        "model": {"name": label, "file": case.path.name},
        "format": case.format,
        "signature": signature.to_dict(),
        "output": {"top_k": 1, "softmax": False, "labels": [label]},
        "load": dict(inspection.load),
    }


def _render(framework: Framework, case: ModelCase, inspection: Inspection, label: str) -> str:
    settings = _settings(case, inspection, label)
    return framework.script(ScriptRequest(case.format, settings, {"name": "x"}, inspection)).score


def _config(text: str) -> ast.expr:
    """The literal that is assigned to ``CONFIG`` in a script."""
    for node in ast.parse(text).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and any(
            isinstance(target, ast.Name) and target.id == "CONFIG" for target in targets
        ):  # fmt: skip
            return node.value
    pytest.fail("score.py assigns nothing to CONFIG")


def _without_config(text: str) -> str:
    """The script's syntax tree without that literal."""
    literal = ast.dump(_config(text))
    return ast.dump(ast.parse(text)).replace(literal, "CONFIG")


def _declared(tensors: tuple[TensorSpec, ...] | None) -> dict[str, Any] | None:
    if tensors is None:
        return None
    return {
        tensor.name: {"dtype": tensor.dtype, "shape": list(tensor.shape or ()), "tensor": tensor.tensor}
        for tensor in tensors
    }
