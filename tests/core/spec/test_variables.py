"""Variables in values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Faults, Load


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "one"),
        ("x-${A}-${B:-two}-y", "x-one-two-y"),
        ("${EMPTY}", ""),
        ("${EMPTY:-full}", "full"),
        ("${NONE:-}", ""),
        ("${NONE:-a:-b}", "a:-b"),
        ("${NONE:-$$5}", "$5"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$${A}", "$one"),
        ("$A costs $5", "$A costs $5"),
        ("${DOLLARS}", "${A} $$"),
    ],
)
def test_references_are_replaced(load_texts: Load, service: str, text: str, value: str) -> None:
    env = {"A": "one", "EMPTY": "", "DOLLARS": "${A} $$"}
    for quoted in (f"'{text}'", f'"{text}"'):
        assert load_texts(service + f"    tags: {{t: {quoted}}}\n", env=env).services["mnist"].tags["t"] == value


@pytest.mark.parametrize("value", ["[a, b]", "{a: b}", "null", "a: b\nc: d", "*x", "!!python/none"])
def test_a_variable_never_becomes_structure(load_texts: Load, service: str, value: str) -> None:
    spec = load_texts(service + "    tags: {t: $X, u: '${X}'}\n    env: {V: '${X}'}\n", env={"X": value})
    assert spec.services["mnist"].tags == {"t": "$X", "u": value}
    assert spec.services["mnist"].env == {"V": value}


def test_fields_read_a_variable_as_the_type_they_need(load_texts: Load, service: str) -> None:
    env = {"N": "3", "F": "0.5", "B": "true", "G": "off", "V": "2.10"}
    mnist = load_texts(
        service + "    replicas: ${N}\n    resources: {cpu: '${F}'}\n    app_insights: ${B}\n    gpu: ${G}\n"
        "    framework: {name: onnx, version: '${V}'}\n    batching: ${NO:-false}\n",
        env=env,
    ).services["mnist"]
    assert (mnist.replicas, mnist.resources.cpu, mnist.app_insights, mnist.gpu) == (3, 0.5, True, "off")
    assert mnist.framework is not None
    assert mnist.framework.version == "2.10"
    assert mnist.batching is False


def test_keys_are_not_expanded(load_texts: Load, service: str) -> None:
    spec = load_texts(service + "    tags: {'${A}': x}\n", env={"A": "no"})
    assert spec.services["mnist"].tags == {"${A}": "x"}


def test_an_unset_variable_is_a_fault_at_its_place_with_the_nearest_name(faults: Faults, service: str) -> None:
    (fault,) = faults(service + "    tags: {t: 'x${TEAM_NAM}'}\n", env={"TEAM_NAME": "secret"})
    assert (fault.code, fault.path, str(fault.location)) == ("SW1006", "services.mnist.tags.t", "a.yaml:5:15")
    assert fault.hint is not None
    assert "Did you mean TEAM_NAME?" in fault.hint
    assert "${TEAM_NAM:-value}" in fault.hint


def test_all_unset_variables_and_other_faults_come_together(faults: Faults, service: str) -> None:
    found = faults(service + "    tags: {a: '${A}', b: '${B}'}\n    replicas: ${N}\n    gpus: 1\n")
    assert [fault.code for fault in found] == ["SW1006", "SW1006", "SW1006", "SW1002"]


@pytest.mark.parametrize("text", ["${", "${}", "${A", "${1A}", "${A-b}", "${A B}", "${A:-${B}}", "${A:?x}"])
def test_a_malformed_reference_is_a_fault(faults: Faults, service: str, text: str) -> None:
    (fault,) = faults(service + f"    tags: {{t: '{text}'}}\n", env={"A": "a"})
    assert (fault.code, fault.path) == ("SW1011", "services.mnist.tags.t")


def test_a_variable_that_a_later_file_replaces_is_not_needed(load_texts: Load, service: str) -> None:
    spec = load_texts(service + "    tags: {t: '${NONE}'}\n", "services: {mnist: {tags: {t: x}}}")
    assert spec.services["mnist"].tags == {"t": "x"}


@pytest.mark.parametrize(
    "line",
    [
        "replicas: ${SECRET}",
        "auth: '${SECRET}'",
        "output: {top_k: '${SECRET}'}",
        "framework: {name: x, version: 'v${SECRET}'}",
        "packages: {pip: ['${SECRET} ==']}",
        "sample: {input: '${SECRET}'}",
        "batching: ${SECRET}",
    ],
)
def test_what_a_variable_holds_is_never_shown(faults: Faults, service: str, line: str) -> None:
    (fault,) = faults(service + f"    {line}\n", env={"SECRET": "hunter2 requir"})
    assert fault.code == "SW1003"
    assert "${SECRET}" in fault.message
    assert "hunter2" not in repr(fault)


def test_a_variable_with_bytes_that_are_not_text_is_a_fault(faults: Faults, service: str) -> None:
    (fault,) = faults(service + "    tags: {t: '${RAW}'}\n", env={"RAW": "a\udcffb"})
    assert (fault.code, fault.path) == ("SW1003", "services.mnist.tags.t")


def test_an_unset_variable_of_the_workspace_waits_for_a_target_that_needs_it(load_texts: Load, service: str) -> None:
    spec = load_texts(service + "workspace: {subscription_id: '${NO_SUCH}', resource_group: ml, name: ws}\n", env={})
    assert spec.workspace is None
    assert [(finding.path, finding.code) for finding in spec.origin.unset] == [("workspace.subscription_id", "SW1006")]
