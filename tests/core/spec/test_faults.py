"""What is said about faults: place, key, value, what is allowed, and what was probably meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Faults

JARGON = re.compile(
    r"union|function-|Input should|\[key\]|literal|valid (integer|string|number|boolean)|NoneType|\bdict\b"
)


SILLY = [
    "output: 5",
    "outputs: 5",
    "batching: x",
    "framework: [a]",
    "image: {size: x, mean: {}, std: x}",
    "inputs: [a]",
    "inputs: {a: {shape: {}, dtype: 5}}",
    "model: {version: 1.5}",
    "tags: [a]",
    "packages: {pip: a}",
    "env: x",
]
REPLICAS = "a whole number from 1 to 1000"
PIXELS = "a whole number from 1 to 16384"


@pytest.mark.parametrize(
    ("line", "column", "path", "value", "allowed", "hint"),
    [
        ("gpu: requir", 10, "gpu", '"requir"', "require, prefer or off", "Did you mean require?"),
        ("auth: KEY", 11, "auth", '"KEY"', "key, token or none", "Did you mean key?"),
        ("auth: 5", 11, "auth", "5", "key, token or none", None),
        ("replicas: 0", 15, "replicas", "0", REPLICAS, None),
        ("replicas: '3'", 15, "replicas", '"3"', REPLICAS, "Leave out the quotes: 3."),
        ("replicas: 1.5", 15, "replicas", "1.5", REPLICAS, None),
        ("replicas: true", 15, "replicas", "true", REPLICAS, None),
        ("replicas: {a: 1}", 15, "replicas", "a mapping", REPLICAS, None),
        (
            "timeout_ms: null",
            17,
            "timeout_ms",
            "null",
            "a whole number from 1 to 3600000",
            "Leave the key out for its default.",
        ),
        ("app_insights: yes", 19, "app_insights", '"yes"', "true or false", "Did you mean true?"),
        ("app_insights: 1", 19, "app_insights", "1", "true or false", None),
        ("resources: {cpu: 0}", 22, "resources.cpu", "0", "a number above 0", None),
        ("resources: {cpu: .nan}", 22, "resources.cpu", ".nan", "a number above 0", None),
        ("resources: [a]", 16, "resources", "this list", "a mapping", None),
        ("batching: 0", 15, "batching", "0", "a mapping or false", None),
        ("batching: true", 15, "batching", "true", "a mapping or false", None),
        (
            "batching: {max_batch_size: big}",
            32,
            "batching.max_batch_size",
            '"big"',
            "a whole number from 1 to 4096",
            None,
        ),
        ("output: rwa", 13, "output", '"rwa"', "raw, argmax or a mapping with top_k", "Did you mean raw?"),
        ("output: {top_k: 0}", 21, "output.top_k", "0", "a whole number of at least 1", None),
        ("outputs: scores", 14, "outputs", '"scores"', "a list of names or a mapping like inputs", None),
        ("outputs: []", 14, "outputs", "an empty list", "a list of names", None),
        ("outputs: [a, 5]", 18, "outputs.1", "5", "text", 'Write it in quotes: "5".'),
        ("outputs: {a: {shape: [x]}}", 27, "outputs.a.shape.0", '"x"', "a whole number of at least 0 or null", None),
        (
            "image: {size: [28]}",
            19,
            "image.size",
            "this list",
            "a list of two whole numbers, height and width, from 1 to 16384",
            None,
        ),
        ("image: {size: [28, 0]}", 24, "image.size.1", "0", PIXELS, None),
        ("image: {size: [1, 1], mean: [a]}", 34, "image.mean.0", '"a"', "a number", None),
        ("image: {size: [1, 1], mean: a}", 33, "image.mean", '"a"', "a number or a list, each item a number", None),
        (
            "framework: {name: onnx, version: 2.10}",
            38,
            "framework.version",
            "2.10",
            'a version in quotes, such as "2.15"',
            'Write it in quotes: "2.10".',
        ),
        (
            "framework: ''",
            16,
            "framework",
            '""',
            "a framework's name, or a mapping with name, version and options",
            None,
        ),
        ("framework: 5", 16, "framework", "5", "a framework's name, or a mapping with name, version and options", None),
        ("handler: 5", 14, "handler", "5", "a path, relative to this file", None),
        ("sample: {input: a.txt}", 21, "sample.input", '"a.txt"', "a .json, .npy, .npz, .png or .jpg file", None),
        (
            "packages: {pip: ['a b']}",
            22,
            "packages.pip.0",
            '"a b"',
            'a requirement as pip takes it, such as "shap==0.46.0"',
            None,
        ),
        ("tags: {a: 5}", 15, "tags.a", "5", "text", 'Write it in quotes: "5".'),
        ("env: {A: 5}", 14, "env.A", "this value", "text", "Write it in quotes."),
        ("env: {1A: x}", 11, "env.1A", '"1A"', "letters, digits and underscores, no digit first", None),
        ("inputs: {}", 13, "inputs", "a mapping", "a mapping that is not empty", None),
    ],
)
def test_a_bad_value_is_shown_where_it_stands_with_what_is_allowed(
    faults: Faults, service: str, line: str, column: int, path: str, value: str, allowed: str, hint: str | None
) -> None:
    (fault,) = faults(service + f"    {line}\n")
    assert fault.code == "SW1003"
    assert fault.path == f"services.mnist.{path}"
    assert str(fault.location) == f"a.yaml:5:{column}"
    assert fault.message == f"{value} is not allowed; allowed: {allowed}"
    assert fault.hint == hint


@pytest.mark.parametrize(
    ("line", "path", "meant"),
    [
        ("replica: 3", "replica", "replicas"),
        ("Replicas: 3", "Replicas", "replicas"),
        ("time-out-ms: 3", "time-out-ms", "timeout_ms"),
        ("cpu: 3", "cpu", "resources.cpu"),
        ("labels: x", "labels", "output.labels"),
        ("resources: {memory: 3}", "resources.memory", "memory_gb"),
        ("output: {topk: 3, top_k: 3}", "output.topk", "top_k"),
    ],
)
def test_an_unknown_key_is_shown_with_the_nearest_or_the_right_place(
    faults: Faults, service: str, line: str, path: str, meant: str
) -> None:
    (fault,) = faults(service + f"    {line}\n")
    assert (fault.code, fault.path) == ("SW1002", f"services.mnist.{path}")
    assert fault.hint is not None
    assert fault.hint.startswith(f"Did you mean {meant}? Allowed here: ")


def test_an_unknown_key_like_no_other_lists_what_is_allowed(faults: Faults, service: str) -> None:
    (fault,) = faults(service + "    serving: {zzz: 1}\n")
    assert fault.hint == "Allowed here: lane."


def test_an_unknown_key_is_shown_at_the_key_and_its_value_is_not_repeated(faults: Faults, service: str) -> None:
    (fault,) = faults(service + "    pasword:    hunter2\n")
    assert str(fault.location) == "a.yaml:5:5"
    assert "hunter2" not in repr(fault)


def test_a_missing_key_is_shown_at_its_mapping(faults: Faults) -> None:
    (fault,) = faults("scorewright: 1\nservices:\n  mnist:\n    gpu: 'off'\n")
    assert (fault.code, fault.path, str(fault.location)) == ("SW1004", "services.mnist.model", "a.yaml:3:3")
    assert fault.hint == "The model that is served."


def test_a_missing_key_within_the_meant_branch_of_a_union(faults: Faults, service: str) -> None:
    (fault,) = faults(service + "    output: {softmax: true}\n")
    assert (fault.code, fault.path) == ("SW1004", "services.mnist.output.top_k")


@pytest.mark.parametrize(("name", "such"), [("My_Model", "my-model"), ("x", None), ("9lives", "lives"), ("-", None)])
def test_a_bad_service_name_suggests_a_valid_one(faults: Faults, name: str, such: str | None) -> None:
    (fault,) = faults(f"scorewright: 1\nservices:\n  {name}: {{model: {{name: x}}}}\n".replace("  -:", "  '-':"))
    assert (fault.code, fault.path, str(fault.location)) == ("SW1003", f"services.{name}", "a.yaml:3:3")
    assert "3 to 32 lower-case letters" in fault.message
    assert fault.hint == (f"Such as {such}." if such else None)


def test_a_service_with_nothing_in_it_is_not_told_to_be_left_out(faults: Faults) -> None:
    (fault,) = faults("scorewright: 1\nservices:\n  mnist:\n")
    assert fault.message.startswith("null is not allowed; allowed: a mapping with model")
    assert fault.hint is None


@pytest.mark.parametrize("version", ["true", "1.5", "2", "'1'", "[1]"])
def test_the_format_version_is_the_number_one(faults: Faults, version: str) -> None:
    (fault,) = faults(f"scorewright: {version}\nservices: {{mnist: {{model: {{name: x}}}}}}\n")
    assert (fault.code, fault.path) == ("SW1003", "scorewright")
    assert fault.message.endswith("allowed: 1")


@pytest.mark.parametrize(
    ("line", "path", "says"),
    [
        ("replicas: 1\n    autoscale: {}", "autoscale", "replicas or autoscale, not both"),
        ("gpu: require\n    resources: {gpus: 0}", "resources.gpus", "at least one"),
        ("outputs: [a, a]", "outputs", "twice"),
        ("sample: {input: a.PNG}", "sample.input", "say with image"),
        ("autoscale: {min: 5, max: 2}", "autoscale.min", "min is above max"),
        ("autoscale: {min: 11}", "autoscale.min", "min is above max"),
        ("image: {size: [1, 1], mean: [1, 2]}", "image.mean", "3 channels"),
        ("image: {size: [1, 1], mode: L, std: [1, 2, 3]}", "image.std", "1 channels"),
        ("image: {size: [1, 1], std: 0}", "image.std", "cannot be 0"),
        ("image: {size: [1, 1], std: [1, 0, 1]}", "image.std", "cannot be 0"),
        ("image: {size: [1, 1], layout: NHW}", "image.layout", "mode L"),
    ],
)
def test_a_rule_over_several_keys_is_shown_at_the_key_to_change(
    faults: Faults, service: str, line: str, path: str, says: str
) -> None:
    (fault,) = faults(service + f"    {line}\n")
    assert (fault.code, fault.path) == ("SW1010", f"services.mnist.{path}")
    assert says in fault.message
    assert fault.location is not None
    assert fault.location.line >= 5


@pytest.mark.parametrize(
    ("model", "path"),
    [("{}", ""), ("{path: m, version: 2}", ".version"), ("{path: m, factory: Net}", ".factory")],
)
def test_the_rules_of_a_model(faults: Faults, model: str, path: str) -> None:
    (fault,) = faults(f"scorewright: 1\nservices: {{mnist: {{model: {model}}}}}")
    assert (fault.code, fault.path) == ("SW1010", f"services.mnist.model{path}")


@pytest.mark.parametrize("tls", ["{}", "{leaf_domain_label: a, cname: b}", "{cname: a, cert_file: b}"])
def test_the_rules_of_tls(faults: Faults, service: str, tls: str) -> None:
    (fault,) = faults(service + f"cluster: {{name: aks-gpu, tls: {tls}}}\n")
    assert fault.code == "SW1010"
    assert (fault.path or "").startswith("cluster.tls")


def test_rules_are_found_beside_other_faults(faults: Faults, service: str) -> None:
    lines = ["replicas: 1", "autoscale: {}", "gpu: require", "resources: {gpus: 0, cpus: 1}", "auth: kee", "zzz: 1"]
    text = "".join(f"    {line}\n" for line in lines)
    assert sorted(f"{fault.code} {fault.path}" for fault in faults(service + text)) == [
        "SW1002 services.mnist.resources.cpus",
        "SW1002 services.mnist.zzz",
        "SW1003 services.mnist.auth",
        "SW1010 services.mnist.autoscale",
        "SW1010 services.mnist.resources.gpus",
    ]


def test_one_fault_does_not_cause_another_that_only_follows_from_it(faults: Faults, service: str) -> None:
    found = faults(service + "    image: {size: [28], mode: LL, mean: [1]}\n    sample: {input: a.png}\n")
    assert [fault.path for fault in found] == ["services.mnist.image.size", "services.mnist.image.mode"]
    found = faults("scorewright: 1\nservices: {mnist: {model: {path: 5}}}")
    assert [fault.path for fault in found] == ["services.mnist.model.path"]
    found = faults("scorewright: 1\nservices: {Mnist: {model: {path: m}}}")
    assert [fault.path for fault in found] == ["services.Mnist"]


def test_a_long_or_dangerous_text_is_shown_short_and_harmless(faults: Faults, service: str) -> None:
    (fault,) = faults(service + '    auth: "\\e[31mred\\n' + "x" * 500 + '"\n')
    assert "\x1b" not in fault.message
    assert "\n" not in fault.message
    assert len(fault.message) < 200
    found = faults(service + '    "a\\eb": 1\n    tags: {"a\\eb": 1}\n')
    assert all("\x1b" not in f"{fault.message}{fault.path}" for fault in found)


def test_keys_that_look_like_pydantics_own_labels_are_ordinary_keys(faults: Faults, service: str) -> None:
    found = faults(service + "    outputs: {'list[str]': {shape: x}, '[key]': {shape: y}, 'function-before': {z: 1}}\n")
    assert {fault.path for fault in found} == {
        "services.mnist.outputs.list[str].shape",
        "services.mnist.outputs.[key].shape",
        "services.mnist.outputs.function-before.z",
        "services.mnist.outputs.function-before.shape",
    }


def test_no_message_speaks_of_the_tools_behind_it(faults: Faults, service: str) -> None:
    for line in SILLY:
        for fault in faults(service.replace("    model: {path: m.onnx}\n", "    gpu: 'off'\n") + f"    {line}\n"):
            assert not JARGON.search(f"{fault.message} {fault.hint}"), fault
