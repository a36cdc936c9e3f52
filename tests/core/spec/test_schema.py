"""The JSON Schema: valid itself, committed, and of one mind with the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from scorewright.errors import SpecError
from scorewright.spec.models import Model, Spec
from scorewright.spec.schema import COMMITTED, json_schema, json_text

if TYPE_CHECKING:
    from .conftest import Load

EXAMPLES = sorted((Path(__file__).parents[3] / "docs" / "examples").glob("**/deploy.yaml"))

GOOD = [
    "",
    "gpu: ${GPU}",
    "framework: onnx",
    "framework: ${FRAMEWORK}",
    "framework: {name: onnx, version: '${VERSION}'}",
    "batching: false",
    "batching: {max_batch_size: '${N}', max_delay_ms: 0}",
    "output: argmax",
    "output: {top_k: '${N}', softmax: '${B}'}",
    "outputs: [a]",
    "outputs: {a: {shape: [null, '${N}']}}",
    "inputs: {x: {shape: []}}",
    "inputs: null",
    "replicas: ${N}",
    "replicas: 3.0",
    "autoscale: {}",
    "resources: {cpu: 0.1, gpus: 0}",
    "image: {size: [28, 28], mean: 1, std: [1, 1.5, 2]}",
    "image: {size: ['${N}', 28], scale: '${F}'}",
    "env: {A: '${N}'}",
    "tags: {any thing: at all}",
    "packages: {pip: ['shap==1.0'], conda: [ffmpeg]}",
    "sample: {input: a.json, expect: null}",
    "app_insights: ${B}",
]
BAD = [
    "gpu: on",
    "framework: ''",
    "framework: {version: '1'}",
    "framework: {name: onnx, version: 1.5}",
    "batching: true",
    "batching: 0",
    "batching: {max_batch_size: 0}",
    "output: best",
    "output: {top_k: 0}",
    "outputs: []",
    "outputs: {}",
    "outputs: {a: {}}",
    "inputs: {x: {shape: [-1]}}",
    "inputs: {x: {shape: [1], dtype: float}}",
    "replicas: '3'",
    "replicas: true",
    "replicas: 1.5",
    "replicas: 1001",
    "autoscale: null\n    auth: null",
    "resources: {cpu: 0}",
    "resources: {gpus: 17}",
    "image: {size: [28]}",
    "image: {size: [28, 28, 3]}",
    "image: {size: [28, 0]}",
    "image: {size: [28, 28], mode: CMYK}",
    "env: {1A: x}",
    "env: {A: 5}",
    "tags: {a: true}",
    "packages: {conda: ['']}",
    "sample: {expect: a.json}",
    "app_insights: yes",
    "max_concurrent_requests: 0",
    "unknown: 1",
]
WHOLE = [
    ("scorewright: 1\nservices: {mnist: {model: {name: a, version: 3}}}", True),
    ("scorewright: ${N}\nservices: {mnist: {model: {name: a, version: '3'}}}", True),
    ("scorewright: 1\nproject: digits\nservices: {mnist: {model: {name: a}}}", True),
    ("scorewright: 1\ncluster: {name: aks-gpu}\nservices: {mnist: {model: {name: a}}}", True),
    ("scorewright: true\nservices: {mnist: {model: {name: a}}}", False),
    ("scorewright: 2\nservices: {mnist: {model: {name: a}}}", False),
    ("scorewright: 1\nservices: {}", False),
    ("scorewright: 1\nservices: {Mnist: {model: {name: a}}}", False),
    ("scorewright: 1\nservices: {'${NAME}': {model: {name: a}}}", False),
    ("scorewright: 1\nservices: {mn: {model: {name: a}}}", False),
    ("scorewright: 1\nservices: {mnist: null}", False),
    ("scorewright: 1\nservices: {mnist: {model: {name: a, version: 0}}}", False),
    ("scorewright: 1\nproject: -x\nservices: {mnist: {model: {name: a}}}", False),
    ("scorewright: 1\ncluster: {name: 1}\nservices: {mnist: {model: {name: a}}}", False),
    ("services: {mnist: {model: {name: a}}}", False),
]
ENV = {"N": "1", "B": "true", "F": "0.5", "GPU": "off", "FRAMEWORK": "onnx", "VERSION": "1.2", "NAME": "mnist"}


def validator() -> Draft202012Validator:
    return Draft202012Validator(json_schema())


def plain(text: str) -> Any:  # noqa: ANN401 - whatever the YAML holds
    return YAML(typ="safe", pure=True).load(text)


def test_the_schema_is_a_schema() -> None:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"]
    assert schema["title"]


def test_the_committed_schema_is_up_to_date() -> None:
    message = "run: python -m scorewright.spec.schema > core/scorewright/spec/deploy.schema.json"
    assert COMMITTED.read_text(encoding="utf-8") == json_text(), message


def test_the_schema_uses_only_words_of_the_dialect() -> None:
    known = {
        "$schema", "$id", "$defs", "$ref", "title", "description", "type", "properties", "required", "items", "anyOf",
        "enum", "const", "default", "examples", "format", "pattern", "minLength", "maxLength", "minimum", "maximum",
        "exclusiveMinimum", "minItems", "maxItems", "prefixItems", "minProperties",
        "additionalProperties", "propertyNames",
    }  # fmt: skip

    def check(schema: Any) -> None:  # noqa: ANN401
        if isinstance(schema, bool):
            return
        assert schema.keys() <= known
        for named in ("$defs", "properties"):
            for below in schema.get(named, {}).values():
                check(below)
        for one in ("items", "additionalProperties", "propertyNames"):
            check(schema.get(one, True))
        for several in ("anyOf", "prefixItems"):
            for below in schema.get(several, ()):
                check(below)

    check(json.loads(json_text()))


@pytest.mark.parametrize("line", GOOD)
def test_what_the_loader_accepts_the_schema_accepts(load_texts: Load, service: str, line: str) -> None:
    text = service + f"    {line}\n"
    load_texts(text, env=ENV)
    assert not list(validator().iter_errors(plain(text)))


@pytest.mark.parametrize("line", BAD)
def test_what_the_schema_refuses_the_loader_refuses(load_texts: Load, service: str, line: str) -> None:
    text = service + f"    {line}\n"
    with pytest.raises(SpecError):
        load_texts(text, env=ENV)
    assert list(validator().iter_errors(plain(text)))


@pytest.mark.parametrize(("text", "good"), WHOLE)
def test_both_agree_on_whole_files(load_texts: Load, text: str, good: bool) -> None:
    assert validator().is_valid(plain(text)) is good
    if good:
        load_texts(text, env=ENV)
    else:
        with pytest.raises(SpecError):
            load_texts(text, env=ENV)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_the_examples_are_valid(file: Path) -> None:
    assert not list(validator().iter_errors(plain(file.read_text())))


def test_every_field_has_a_description() -> None:
    def models(model: type[Model]) -> set[type[Model]]:
        return {model}.union(*(models(below) for below in model.__subclasses__()))

    fields = {(model, name): field for model in models(Model) for name, field in model.model_fields.items()}
    assert (Spec, "services") in fields
    assert [key for key, field in fields.items() if not field.description] == []
