"""``--set`` and the overrides of the Python API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scorewright.errors import SpecError
from scorewright.spec import load
from scorewright.spec.origin import dotted, undotted

if TYPE_CHECKING:
    from .conftest import Faults, Load


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("replicas=5", 5),
        ("resources.cpu=0.5", 0.5),
        ("app_insights=true", True),
        ("gpu=off", "off"),
        ("batching=false", False),
        ("tags.a=5", "5"),
        ("tags.a=true", "true"),
        ("tags.a= x: y #z", " x: y #z"),
        ("tags.a='null'", "null"),
        (r"tags.a\.b=c", "c"),
        ("framework.version=2.10", "2.10"),
        ("packages.pip=[a, 'b==1']", ["a", "b==1"]),
        ("packages.pip.0=z", ["z", "y"]),
        ("packages.pip.2=z", ["x", "y", "z"]),
        ("packages.conda.0=z", ["z"]),
        ("inputs.x.shape=[null, 3]", [None, 3]),
        ("inputs.x.shape.0=7", [7, 1]),
        ("inputs.x.shape.1=", [0, None]),
    ],
)
def test_a_set_reaches_its_field(load_texts: Load, service: str, text: str, value: object) -> None:
    base = service + (
        "    framework: {name: onnx}\n    packages: {pip: [x, y]}\n    inputs: {x: {shape: [0, 1]}}\n    tags: {}\n"
    )
    found: object = load_texts(base, sets=(f"services.mnist.{text}",)).services["mnist"]
    for key in undotted(text.partition("=")[0]):
        if key.isdigit():
            break
        found = found[key] if isinstance(found, dict) else getattr(found, key)
    assert found == value


def test_null_and_nothing_reset_to_the_default(load_texts: Load, service: str) -> None:
    base = service + "    timeout_ms: 5\n    replicas: 3\n"
    sets = ("services.mnist.timeout_ms=null", "services.mnist.replicas=", "services.mnist.auth=")
    mnist = load_texts(base, sets=sets).services["mnist"]
    assert (mnist.timeout_ms, mnist.replicas, mnist.auth) == (60000, None, "key")


def test_the_last_set_wins_over_sets_overrides_and_files(load_texts: Load, service: str) -> None:
    sets = ("services.mnist.replicas=8", "services.mnist.replicas=9")
    spec = load_texts(service + "    replicas: 1\n", sets=sets, services__mnist__replicas=5)
    assert spec.services["mnist"].replicas == 9
    assert str(spec.origin.locate("services", "mnist", "replicas")) == "--set services.mnist.replicas"


def test_a_mapping_merges_like_one_more_file(load_texts: Load, service: str) -> None:
    base = service + "    resources: {cpu: 8, memory_gb: 9}\n"
    spec = load_texts(base, sets=("services.mnist.resources={cpu: 1, gpus: 2}",))
    resources = spec.services["mnist"].resources
    assert (resources.cpu, resources.memory_gb, resources.gpus) == (1, 9, 2)


def test_overrides_take_python_values(load_texts: Load, service: str, tmp_path: Path) -> None:
    mnist = load_texts(
        service,
        services__mnist__replicas=5,
        services__mnist__inputs={"x": {"shape": (None, 784)}},
        services__mnist__handler=Path("h.py"),
        services__mnist__tags={"a": "${NOT_EXPANDED} $$"},
        services__mnist__batching=False,
        services={"mnist": {"timeout_ms": 9}},
    ).services["mnist"]
    assert (mnist.replicas, mnist.handler, mnist.batching, mnist.timeout_ms) == (5, tmp_path / "h.py", False, 9)
    assert mnist.inputs is not None
    assert mnist.inputs["x"].shape == [None, 784]
    assert mnist.tags == {"a": "${NOT_EXPANDED} $$"}


def test_a_none_among_the_overrides_resets(load_texts: Load, service: str) -> None:
    assert load_texts(service + "    replicas: 3\n", services__mnist__replicas=None).services["mnist"].replicas is None


@pytest.mark.parametrize("value", [object(), {1: 2}, {"a": [b"bytes"]}, "half \ud800"])
def test_other_python_values_are_faults(faults: Faults, service: str, value: object) -> None:
    (fault,) = faults(service, services__mnist__tags=value)
    assert (fault.code, str(fault.location)) == ("SW1009", "overrides services.mnist.tags")


@pytest.mark.parametrize(
    "text",
    ["services", "=5", "a..b=1", ".a=1", "a.=1", "a." * 70 + "a=1", "\udcff=1"]
    + [f"services.mnist.packages.pip.{key}=x" for key in ("7", "-1", "x")],
)
def test_a_set_that_leads_nowhere_is_a_fault(faults: Faults, service: str, text: str) -> None:
    (fault,) = faults(service + "    packages: {pip: [a]}\n", sets=(text,))
    assert fault.code == "SW1009"
    assert str(fault.location).startswith("--set")


def test_a_broken_flow_value_is_shown_with_its_set(faults: Faults, service: str) -> None:
    (fault,) = faults(service, sets=("services.mnist.tags={a: [}",))
    assert (fault.code, str(fault.location)) == ("SW1005", "--set services.mnist.tags")


def test_a_fault_of_a_set_is_shown_with_its_key_and_not_as_a_line(faults: Faults, service: str) -> None:
    (fault,) = faults(service, sets=("services.mnist.replicas=many",))
    assert (fault.code, str(fault.location)) == ("SW1003", "--set services.mnist.replicas")
    assert '"many"' in fault.message


def test_a_service_that_only_a_set_names_suggests_the_one_in_the_file(faults: Faults, service: str) -> None:
    (fault,) = faults(service, sets=("services.mnits.replicas=5",))
    assert (fault.code, fault.path) == ("SW1004", "services.mnits.model")
    assert fault.hint == "No file has a service named mnits. Did you mean mnist?"


def test_a_set_may_hold_variables(load_texts: Load, service: str) -> None:
    spec = load_texts(service, sets=("services.mnist.tags.a=${A}",), env={"A": "b"})
    assert spec.services["mnist"].tags == {"a": "b"}


@pytest.mark.parametrize("keys", [["a", "b"], ["a.b", "c"], ["a\\", ".b"], ["", "x"], [".", "\\."]])
def test_dotted_paths_round_trip(keys: list[str]) -> None:
    assert undotted(dotted(tuple(keys))) == keys


def test_the_environment_of_the_process_is_used_unless_another_is_given(
    tmp_path: Path, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_text(service + "    tags: {a: '${SCOREWRIGHT_TEST_TEAM}'}\n")
    monkeypatch.setenv("SCOREWRIGHT_TEST_TEAM", "blue")
    assert load(file).services["mnist"].tags == {"a": "blue"}
    with pytest.raises(SpecError):
        load(file, env={})
