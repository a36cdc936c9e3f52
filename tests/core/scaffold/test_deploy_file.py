"""``init``: the text of a first deploy file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from scorewright.errors import ModelError
from scorewright.findings import Finding, Level
from scorewright.framework import (
    Detection,
    DetectRequest,
    Framework,
    Inspection,
    InspectRequest,
    Resolution,
    ResolveRequest,
    Script,
    ScriptRequest,
)
from scorewright.plugins import PluginManager
from scorewright.scaffold import init
from scorewright.signature import Signature, TensorSpec
from scorewright.spec import load
from scorewright.spec.models import Model, ModelRef, ServiceSpec, Spec
from scorewright.spec.reader import whole_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "mnist" / "models"
SIGNATURE = Signature((TensorSpec("x", "float32", (None, 784)),), (TensorSpec("y:0\n", "int64", None),), batch=True)


def resolve(request: ResolveRequest) -> Resolution:
    """Never asked by `init`."""
    raise AssertionError(request)


def script(request: ScriptRequest) -> Script:
    """Never asked by `init`."""
    raise AssertionError(request)


def framework(
    name: str, inspection: Inspection, knows: Callable[[Path], bool] = lambda path: True, reason: str = "its name"
) -> Framework:
    """A framework that says what it is told to."""

    def detect(request: DetectRequest) -> Detection | None:
        return Detection("format", reason) if knows(request.path) else None

    def inspect(request: InspectRequest) -> Inspection:
        assert request.format == "format"
        return inspection

    return Framework(name, "for tests", detect, inspect, resolve, script)


@dataclass
class Plugins:
    """What `init` needs of a plugin manager."""

    frameworks: Mapping[str, Framework] = field(
        default_factory=lambda: {"toy": framework("toy", Inspection(SIGNATURE))}
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model file in a folder of its own."""
    file = tmp_path / "models" / "digits.toy"
    file.parent.mkdir()
    file.touch()
    return file


def loaded(text: str, folder: Path) -> Spec:
    """The text loaded as a file of the folder, with no environment."""
    (folder / "deploy.yaml").write_text(text, encoding="utf-8")
    return load(folder / "deploy.yaml", env={})


def test_the_text_loads_unchanged(model: Path, tmp_path: Path) -> None:
    spec = loaded(init([model], Plugins(), folder=tmp_path), tmp_path)
    service = spec.services["digits"]
    assert service.model.path == model
    assert service.framework is not None
    assert service.framework.name == "toy"
    assert service == ServiceSpec(model=service.model, framework=service.framework)


def test_it_says_what_was_detected(model: Path, tmp_path: Path) -> None:
    text = init([model], Plugins(), folder=tmp_path)
    assert "# toy, format: its name" in text
    assert "# in: x float32 [null, 784]" in text
    assert '# out: "y:0\\x0a" int64 any shape' in text


def test_the_first_line_names_the_schema_for_editors(model: Path) -> None:
    assert init([model], Plugins()).splitlines()[0] == "# yaml-language-server: $schema=deploy.schema.json"
    assert init([model], Plugins(), schema="x.json").startswith("# yaml-language-server: $schema=x.json\n")


def test_several_models_have_names_of_their_own(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "digits.toy"
    other.touch()
    spec = loaded(init([model, other, model], Plugins(), folder=tmp_path), tmp_path)
    assert [service.model.path for service in spec.services.values()] == [model, other, model]
    assert list(spec.services) == ["digits", "digits-2", "digits-3"]


def test_every_optional_key_is_there_once_with_its_description(model: Path) -> None:
    text = init([model, model], Plugins())
    prose = " ".join(re.sub(r"^ *#", "", text, flags=re.MULTILINE).split())

    live = {(ModelRef, "path"), (ServiceSpec, "framework")}

    def check(model: type[Model]) -> None:
        for name, found in model.model_fields.items():
            assert re.search(rf"^ *#? *{name}:", text, re.MULTILINE), name
            if not found.is_required() and (model, name) not in live:
                assert " ".join((found.description or "").split()) in prose, name

    for below in Model.__subclasses__():
        if below.__name__ != "Tensor":  # shown inside the example of inputs
            check(below)
    assert len(re.findall(r"^    #replicas:", text, re.MULTILINE)) == 1


def blocks() -> list[tuple[str, str]]:
    """The name and the lines of each commented key, as `init` writes them."""
    text = init([EXAMPLE / "mnist.onnx"], Plugins(), folder=EXAMPLE)
    return [(found[2], found[0]) for found in re.finditer(r"^( *)#(\w+):.*\n(?:\1# +\w+:.*\n)*", text, re.MULTILINE)]


@pytest.mark.parametrize(("name", "block"), blocks(), ids=[f"{i}-{name}" for i, (name, _) in enumerate(blocks())])
def test_each_commented_key_can_be_uncommented(name: str, block: str, tmp_path: Path) -> None:
    text = init([EXAMPLE / "mnist.onnx"], Plugins(), folder=EXAMPLE)
    assert text.count(block) == 1
    bare = text.replace(block, re.sub(r"^( *)#", r"\1", block, flags=re.MULTILINE))
    (tmp_path / "deploy.yaml").write_text(bare)
    spec = load(tmp_path / "deploy.yaml", env={"AZURE_SUBSCRIPTION_ID": "id"})
    assert any(path[-1] == name for path in spec.origin.positions)


def test_what_the_file_does_not_say_becomes_keys_to_complete(model: Path, tmp_path: Path) -> None:
    hint = 'write below the service:\ninputs:\n  "a b": {dtype: float32, shape: [null, 3]}'
    finding = Finding(Level.ERROR, "SW1213", "no input is\nnamed", hint=hint, path="inputs")
    plugins = Plugins({"toy": framework("toy", Inspection(None, findings=(finding,)))})
    text = init([model], plugins, folder=tmp_path)
    service = loaded(text, tmp_path).services["digits"]
    assert service.inputs is not None
    assert service.inputs["a b"].shape == [None, 3]
    assert "# error SW1213: no input is named" in text
    assert "complete or correct it" in text
    assert "#inputs:" not in text


def test_a_module_that_is_missing_becomes_a_key_to_complete(model: Path, tmp_path: Path) -> None:
    finding = Finding(Level.ERROR, "SW1218", "which network?", path="model.module")
    plugins = Plugins({"toy": framework("toy", Inspection(None, findings=(finding,)))})
    text = init([model], plugins, folder=tmp_path)
    assert loaded(text, tmp_path).services["digits"].model.module is not None
    assert "#module" not in text


@pytest.mark.parametrize("yaml", ["gpu: 'off'", "inputs: 5", "inputs: {x: {}}", "[", "text", ""])
def test_a_hint_that_is_no_signature_stays_a_comment(model: Path, tmp_path: Path, yaml: str) -> None:
    finding = Finding(Level.ERROR, "SW1213", "unknown", hint=f"write:\n{yaml}", path="inputs")
    text = init([model], Plugins({"toy": framework("toy", Inspection(None, findings=(finding,)))}), folder=tmp_path)
    assert loaded(text, tmp_path).services["digits"].inputs is None


def test_a_model_that_two_frameworks_know_says_so(model: Path, tmp_path: Path) -> None:
    frameworks = {name: framework(name, Inspection(SIGNATURE)) for name in ("one", "two")}
    text = init([model], Plugins(frameworks), folder=tmp_path)
    assert "# also known to: two" in text
    assert loaded(text, tmp_path).services["digits"].framework is not None


@pytest.mark.parametrize("frameworks", [{}, {"toy": framework("toy", Inspection(None), lambda path: False)}])
def test_a_model_that_no_framework_knows_is_refused(model: Path, frameworks: dict[str, Framework]) -> None:
    with pytest.raises(ModelError) as caught:
        init([model], Plugins(frameworks))
    assert caught.value.code == "SW1012"
    assert str(model) in caught.value.summary


def test_a_model_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        init([tmp_path / "nowhere"], Plugins())


def test_a_name_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a\udcff.toy"
    file.touch()
    with pytest.raises(ModelError) as caught:
        init([file], Plugins())
    assert "not text" in (caught.value.cause or "")


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40)


@settings(deadline=None)
@given(NAMES, st.text(), st.text())
@example("~", "x", "x")
def test_any_file_name_and_any_reason_round_trip(
    tmp_path_factory: pytest.TempPathFactory, name: str, reason: str, tensor: str
) -> None:
    assume(name not in (".", "..") and len(name.encode()) < 200)
    folder = tmp_path_factory.mktemp("hostile")
    file = folder / name
    file.touch()
    signature = Signature((TensorSpec(tensor, "float32", (None,)),), (), batch=True)
    finding = Finding(Level.WARNING, "SW1299", reason, hint=tensor)
    inspection = Inspection(signature, findings=(finding,))
    plugins = Plugins({reason: framework(reason, inspection, reason=reason)} if reason else {})
    assume(reason and whole_text(reason) is not None)
    text = init([file, file], plugins, folder=folder)
    (folder / "deploy.yaml-for-the-test").write_text(text, encoding="utf-8")
    spec = load(folder / "deploy.yaml-for-the-test", env={})
    assert len(spec.services) == 2
    for service in spec.services.values():
        assert service.model.path is not None
        assert service.model.path.samefile(file)
        assert service.framework is not None
        assert service.framework.name == reason
    assert text.isprintable() or set(text) - {"\n"} == {char for char in text if char.isprintable()}


def by_path(spec: Spec) -> dict[str, ServiceSpec]:
    """Services by the name of their model's file."""
    return {service.model.path.name: service for service in spec.services.values() if service.model.path}


def test_the_examples_models_become_services_with_the_plugins_that_ship(tmp_path: Path) -> None:
    models = [EXAMPLE / name for name in ("mnist.onnx", "savedmodel", "mnist.keras", "checkpoint")]
    spec = loaded(init(models, PluginManager.load(), folder=tmp_path), tmp_path)
    names = {name: service.framework.name for name, service in by_path(spec).items() if service.framework}
    assert names == {
        "mnist.onnx": "onnx", "savedmodel": "tensorflow", "mnist.keras": "tensorflow", "checkpoint": "tensorflow"
    }  # fmt: skip
    assert by_path(spec)["checkpoint"].outputs is not None
