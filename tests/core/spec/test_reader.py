"""Reading YAML: values, places, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scorewright.errors import SpecError
from scorewright.spec import load
from scorewright.spec.reader import scalar

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Faults, Load


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("nUll", "nUll"),
        ("true", True), ("False", False), ("yes", "yes"), ("off", "off"),
        ("12", 12), ("-3", -3), ("0o17", 15), ("0x1F", 31), ("017", 17), ("1_000", "1_000"), ("1:30", "1:30"),
        ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("2.", 2.0), ("1.2.3", "1.2.3"), (".", "."), ("-", "-"),
        (".inf", float("inf")), ("-.Inf", float("-inf")), ("2024-01-01", "2024-01-01"), ("=", "="),
        ("9" * 500, "9" * 500),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_anchors_aliases_and_merge_keys_work(load_texts: Load) -> None:
    spec = load_texts(
        "scorewright: 1\n"
        "services:\n"
        "  one: &one\n"
        "    model: &model {name: m}\n"
        "    resources: &big {cpu: 8, memory_gb: 16}\n"
        "  two:\n"
        "    <<: *one\n"
        "    resources: {<<: *big, cpu: 4}\n"
        "  three: {<<: [{model: *model}, *one], timeout_ms: 7}\n"
    )
    two, three = spec.services["two"], spec.services["three"]
    assert (two.model.name, two.resources.cpu, two.resources.memory_gb) == ("m", 4, 16)
    assert (three.model.name, three.resources.cpu, three.timeout_ms) == ("m", 8, 7)


def test_a_quoted_merge_key_is_an_ordinary_key(faults: Faults, service: str) -> None:
    (fault,) = faults(service + "    '<<': {}\n")
    assert (fault.code, fault.path) == ("SW1002", "services.mnist.<<")


def test_tags_of_the_core_schema_are_read(load_texts: Load, service: str) -> None:
    text = (
        service + "    tags: !!map {a: !!str 5, b: ! 6}\n    timeout_ms: !!int '7'\n    resources: {cpu: !!float 1}\n"
    )
    mnist = load_texts(text).services["mnist"]
    assert (mnist.tags, mnist.timeout_ms, mnist.resources.cpu) == ({"a": "5", "b": "6"}, 7, 1.0)


@pytest.mark.parametrize(
    "value",
    ["!!python/object/apply:os.system [id]", "!!python/name:os.system x", "!mine 5", "!!binary aGk=", "!!int five"],
)
def test_tags_that_make_objects_are_refused(faults: Faults, service: str, value: str) -> None:
    found = faults(service + f"    env: {{A: b}}\n    timeout_ms: {value}\n")
    assert ("SW1005", "services.mnist.timeout_ms", 6) in {
        (f.code, f.path, f.location.line) for f in found if f.location
    }


def test_a_key_given_twice_names_both_lines(faults: Faults, service: str) -> None:
    (fault,) = faults(service + "    replicas: 1\n    replicas: 2\n")
    assert (fault.code, fault.path) == ("SW1007", "services.mnist.replicas")
    assert str(fault.location) == "a.yaml:6:5"
    assert "line 5" in fault.message


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("x: 1\na: [1,\nb: 2\n", 4, "flow sequence from line 2"),
        ("scorewright: 1\n\tservices: {}\n", 2, "not YAML"),
        ("a: b: c\n", 1, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("- a\n- b\n", 1, "must be a mapping"),
        ("just text\n", 1, "must be a mapping"),
        ("? [a]\n: b\n", 1, "not plain text"),
        ("a: *nothing\n", 1, "before its anchor"),
        ("a: &a [*a]\n", 1, "inside it"),
        ("<<: 5\n", 1, "<< takes"),
        ("a: \x07\n", 0, "not YAML"),
        ("a: '\n", 2, "not YAML"),
    ],
)
def test_what_cannot_be_read_is_shown_at_its_line(faults: Faults, text: str, line: int, says: str) -> None:
    (fault,) = faults(text)
    assert fault.code == "SW1005"
    assert says in fault.message
    assert fault.location is not None
    assert fault.location.line == line


def test_a_tab_is_explained(faults: Faults) -> None:
    (fault,) = faults("scorewright: 1\nservices:\n\tmnist: {}\n")
    assert fault.hint == "Indent with spaces: YAML takes no tabs there."


def test_bytes_that_are_not_utf8_are_shown_at_their_line(tmp_path: Path) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_bytes(b"scorewright: 1\nproject: \xff\n")
    with pytest.raises(SpecError) as caught:
        load(file)
    (fault,) = caught.value.findings
    assert (fault.code, str(fault.location)) == ("SW1005", f"{file}:2:1")


def test_a_byte_order_mark_is_no_fault(tmp_path: Path, service: str) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_text(service, encoding="utf-8-sig")
    assert load(file).services


def test_an_empty_file_lacks_its_keys(faults: Faults) -> None:
    assert [(fault.code, fault.path) for fault in faults("# nothing yet\n")] == [
        ("SW1004", "scorewright"),
        ("SW1004", "services"),
    ]


def test_a_small_file_cannot_become_a_huge_one(faults: Faults) -> None:
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 40)]
    (fault,) = faults("\n".join(lines))
    assert fault.code == "SW1005"
    assert "aliases counted" in fault.message


@pytest.mark.parametrize("text", ["a: " + "[" * 3000, "a: " + "{a: " * 3000, "a: " + "[" * 100 + "]" * 100])
def test_deep_nesting_ends_in_a_fault(faults: Faults, text: str) -> None:
    (fault,) = faults(text)
    assert fault.code == "SW1005"


def test_nesting_through_aliases_is_counted_too(faults: Faults) -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 100)]
    (fault,) = faults("\n".join(lines))
    assert "levels of nesting" in fault.message


def test_a_file_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    with pytest.raises(SpecError, match="1 fault") as caught:
        load(file)
    assert "4 MiB" in caught.value.findings[0].message


@pytest.mark.parametrize("text", [r'"a\0b"', r'"\ud800"'])
def test_text_that_no_system_takes_is_refused(faults: Faults, service: str, text: str) -> None:
    (fault,) = faults(service + f"    tags: {{a: {text}}}\n")
    assert (fault.code, fault.path) == ("SW1005", "services.mnist.tags.a")


def test_surrogate_pairs_are_joined(load_texts: Load, service: str) -> None:
    spec = load_texts(service + '    tags: {a: "\\ud83d\\ude00"}\n')
    assert spec.services["mnist"].tags["a"] == "\N{GRINNING FACE}"


def test_keys_are_taken_as_written(load_texts: Load, service: str) -> None:
    spec = load_texts(service + "    tags: {1.0: a, true: b, null: c}\n")
    assert spec.services["mnist"].tags == {"1.0": "a", "true": "b", "null": "c"}
