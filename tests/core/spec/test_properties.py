"""Properties over generated deploy files: what is valid loads as written, one mutation is found where it was made."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from scorewright.errors import SpecError
from scorewright.spec import load
from scorewright.spec.faults import harmless
from scorewright.spec.origin import dotted
from scorewright.spec.reader import scalar, whole_text
from scorewright.spec.schema import json_schema
from scorewright.spec.yamltext import flow, key_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hypothesis.strategies import SearchStrategy

    from scorewright.spec.origin import KeyPath

VALIDATOR = Draft202012Validator(json_schema())
TEXT = st.text().filter(lambda text: whole_text(text) is not None)
WORD = TEXT.filter(bool)
NAME = st.from_regex(r"[a-z][a-z0-9-]{1,8}[a-z0-9]", fullmatch=True)
PATH = TEXT.map(lambda text: f"/models/{text.replace('/', '')}x")
NUMBER = st.floats(0.001, 1000)
TENSOR = st.fixed_dictionaries(
    {"shape": st.lists(st.none() | st.integers(0, 10**6), max_size=4)},
    optional={"dtype": st.sampled_from(["float32", "int8", "string"]), "tensor": WORD},
)
IMAGE = st.fixed_dictionaries(
    {"size": st.tuples(st.integers(1, 16384), st.integers(1, 16384)).map(list)},
    optional={"mode": st.just("RGB"), "scale": NUMBER, "mean": NUMBER | st.lists(NUMBER, min_size=3, max_size=3)},
)
OPTIONAL: dict[str, SearchStrategy[Any]] = {
    "framework": st.fixed_dictionaries({"name": WORD}, optional={"version": st.just("2.10")}),
    "gpu": st.sampled_from(["require", "prefer", "off"]),
    "inputs": st.dictionaries(TEXT, TENSOR, min_size=1, max_size=2),
    "outputs": st.lists(TEXT, min_size=1, unique=True) | st.dictionaries(TEXT, TENSOR, min_size=1, max_size=2),
    "output": st.sampled_from(["raw", "argmax"]) | st.fixed_dictionaries({"top_k": st.integers(1, 9)}),
    "image": IMAGE,
    "handler": PATH,
    "batching": st.just(False) | st.fixed_dictionaries({}, optional={"max_delay_ms": NUMBER}),
    "replicas": st.integers(1, 1000),
    "resources": st.fixed_dictionaries({}, optional={"cpu": NUMBER, "gpus": st.integers(1, 16)}),
    "auth": st.sampled_from(["key", "token", "none"]),
    "env": st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]*", fullmatch=True), TEXT, max_size=2),
    "tags": st.dictionaries(TEXT, TEXT, max_size=2),
    "app_insights": st.booleans(),
    "sample": st.fixed_dictionaries({"input": PATH.map(lambda path: f"{path}.json")}),
}  # fmt: skip
SERVICE = st.fixed_dictionaries({"model": st.fixed_dictionaries({"path": PATH})}, optional=OPTIONAL)
DOCUMENT = st.fixed_dictionaries(
    {"scorewright": st.just(1), "services": st.dictionaries(NAME, SERVICE, min_size=1, max_size=2)},
    optional={"project": NAME, "cluster": st.fixed_dictionaries({"name": NAME}, optional={"location": WORD})},
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file that every example overwrites."""
    return tmp_path_factory.mktemp("properties") / "deploy.yaml"


def lines(value: dict[str, Any], path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """A document as block mappings, one key on each line, with the path of each line."""
    for key, below in value.items():
        start = f"{'  ' * len(path)}{key_text(key)}:"
        if isinstance(below, dict) and below:
            yield (*path, key), start
            yield from lines(below, (*path, key))
        else:
            yield (*path, key), f"{start} {flow(below)}"


def write(file: Path, document: dict[str, Any]) -> dict[KeyPath, int]:
    """Write a document; the line of each path."""
    numbered = list(lines(document))
    file.write_text("\n".join(line for _, line in numbered), encoding="utf-8")
    return {path: number for number, (path, _) in enumerate(numbered, 1)}


@settings(deadline=None)
@given(DOCUMENT)
def test_a_valid_document_loads_as_written(file: Path, document: dict[str, Any]) -> None:
    expected = write(file, document)
    spec = load(file, env={})
    assert spec.model_dump(mode="json", exclude_unset=True) == document
    assert {path: spec.origin.positions[path].line for path in expected} == expected
    assert VALIDATOR.is_valid(document)


@settings(deadline=None)
@given(DOCUMENT)
def test_a_document_given_as_overrides_is_the_same(file: Path, document: dict[str, Any]) -> None:
    write(file, document)
    spec = load(file, env={})
    file.write_text("")
    assert load(file, overrides=document, env={}).model_dump() == spec.model_dump()


@settings(deadline=None)
@given(DOCUMENT, st.data())
def test_one_wrong_value_is_found_at_its_line(file: Path, document: dict[str, Any], data: st.DataObject) -> None:
    wrong = copy.deepcopy(document)
    path = data.draw(st.sampled_from([path for path, _ in lines(document)]))
    above = wrong
    for key in path[:-1]:
        above = above[str(key)]
    old = above[str(path[-1])]
    above[str(path[-1])] = [[1]] if isinstance(old, dict | str | int | float) else {"zzz": 5}
    line = write(file, wrong)[path]
    with pytest.raises(SpecError) as caught:
        load(file, env={})
    found = [(fault.path or "", fault.location.line if fault.location else 0) for fault in caught.value.findings]
    named = harmless(dotted(path))
    assert any(at in (line, line + 1) and (where == named or where.startswith(f"{named}.")) for where, at in found), (
        found
    )


@settings(deadline=None)
@given(DOCUMENT, st.data())
def test_one_unknown_key_is_the_only_fault_and_found_at_its_line(
    file: Path, document: dict[str, Any], data: st.DataObject
) -> None:
    wrong = copy.deepcopy(document)
    service = data.draw(st.sampled_from(sorted(document["services"])))
    section = data.draw(st.sampled_from([(), ("services", service), ("services", service, "model")]))
    above = wrong
    for key in section:
        above = above[key]
    above["zzz"] = data.draw(st.none() | TEXT | st.integers() | st.lists(TEXT) | st.dictionaries(TEXT, TEXT))
    line = write(file, wrong)[(*section, "zzz")]
    with pytest.raises(SpecError) as caught:
        load(file, env={})
    (fault,) = caught.value.findings
    assert (fault.code, fault.path) == ("SW1002", ".".join((*section, "zzz")))
    assert fault.location is not None
    assert fault.location.line == line


@settings(deadline=None)
@given(st.text())
def test_any_text_loads_or_ends_in_a_spec_error(file: Path, text: str) -> None:
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(SpecError):
        load(file, env={})


@settings(deadline=None)
@given(st.lists(st.sampled_from(list("{}[],:&*!|>'\"%@`#-? \n\tab01<")), max_size=40).map("".join))
def test_any_yaml_like_text_loads_or_ends_in_a_spec_error(file: Path, text: str) -> None:
    file.write_text(f"scorewright: 1\nservices:\n  mnist: {text}")
    with pytest.raises(SpecError):
        load(file, env={})


@settings(deadline=None)
@given(TEXT)
def test_a_written_text_reads_back_as_itself(text: str) -> None:
    written = flow(text)
    assert "\n" not in written
    assert written.startswith('"') or scalar(written) == text
