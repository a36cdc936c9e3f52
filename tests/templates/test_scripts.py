"""Score scripts and conda files: whatever the values are, only one literal differs."""

from __future__ import annotations

import ast
import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import meta
from ruamel.yaml import YAML
from tests.templates.conftest import FRAMEWORKS

from scorewright.framework import Inspection, Script, ScriptRequest
from scorewright.scripts import CondaContext, ScoreContext

if TYPE_CHECKING:
    from scorewright.framework import Framework

TEMPLATES = Path(__file__).parents[2] / "templates" / "scorewright_templates"
HOSTILE = [
    "'''",
    '"""',
    "\\",
    "a\nimport os",
    "\r\n\x0b\x0c\x1c\x85\u2028\u2029",
    "{{ config }}",
    "{% raw %}",
    "#}",
    "\u202e",
    "\x00",
    "\ud800",
    "'); __import__('os').system('true') #",
    "no",
    "1e3",
    "~",
    "- a: b",
    "../../etc/passwd",
    "ä" * 300,
]
TEXTS = st.sampled_from(HOSTILE) | st.text()
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20)
CONFIGS = st.fixed_dictionaries(
    {
        "service": TEXTS,
        "model": st.fixed_dictionaries({"name": TEXTS, "file": st.none() | TEXTS}),
        "output": st.fixed_dictionaries({"top_k": st.integers(), "labels": st.lists(TEXTS)}),
        "signature": st.fixed_dictionaries({"inputs": st.lists(st.dictionaries(TEXTS, SCALARS))}),
        "load": st.dictionaries(TEXTS, VALUES),
    }
)
# YAML cannot hold half of a surrogate pair, and neither can the deploy file, which is UTF-8.
WRITABLE = TEXTS.filter(lambda text: "\ud800" not in text)
CONDAS = st.fixed_dictionaries(
    {
        "name": WRITABLE,
        "channels": st.lists(WRITABLE, min_size=1),
        "dependencies": st.lists(WRITABLE | st.fixed_dictionaries({"pip": st.lists(WRITABLE, min_size=1)}), min_size=1),
    }
)


def rendered(framework: Framework, config: dict[str, Any], conda: dict[str, Any] | None = None) -> Script:
    """The framework's part of a bundle."""
    return framework.script(ScriptRequest("format", config, conda or {"name": "x"}, Inspection(None)))


def parts(score: str) -> tuple[Any, str]:
    """The value of ``CONFIG`` in a script, and the script's syntax tree without that value."""
    tree = ast.parse(score)
    (assignment,) = (
        node
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "CONFIG"
    )
    value = ast.literal_eval(assignment.value)
    assignment.value = ast.Constant(None)
    return value, ast.dump(tree)


@pytest.mark.parametrize("name", list(FRAMEWORKS))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(config=CONFIGS)
def test_no_value_becomes_code(name: str, config: dict[str, Any]) -> None:
    score = rendered(FRAMEWORKS[name], config).score
    value, code = parts(score)
    assert value == config
    assert code == parts(rendered(FRAMEWORKS[name], {"service": "digits"}).score)[1]
    assert score.isascii()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_of_a_service_stays_one_constant(framework: Framework, text: str) -> None:
    value, code = parts(rendered(framework, {"service": text}).score)
    assert value == {"service": text}
    assert code == parts(rendered(framework, {"service": "digits"}).score)[1]


@pytest.mark.parametrize("name", list(FRAMEWORKS))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(conda=CONDAS)
def test_a_conda_file_reads_back_as_written(name: str, conda: dict[str, Any]) -> None:
    assert YAML(typ="safe", pure=True).load(rendered(FRAMEWORKS[name], {}, conda).conda) == conda


def test_the_same_values_give_the_same_bytes(framework: Framework, plain_config: dict[str, Any]) -> None:
    backwards = dict(reversed(plain_config.items()))
    assert rendered(framework, plain_config) == rendered(framework, backwards)


def test_a_script_is_short_and_clean(framework: Framework, plain_config: dict[str, Any], tmp_path: Path) -> None:
    script = rendered(framework, plain_config)
    (tmp_path / "score.py").write_text(script.score)
    assert script.score.count("\n") < 40
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--line-length", "120"]
    subprocess.run([*ruff, "--select", "E,F,W,B,UP,SIM,PLE,RUF100", "score.py"], cwd=tmp_path, check=True)


@pytest.mark.parametrize(("template", "context"), [("score.py.jinja", ScoreContext), ("conda.yml.jinja", CondaContext)])
def test_a_templates_context_is_what_it_uses(framework: Framework, template: str, context: type[Any]) -> None:
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=False)
    environment.filters.update(literal=repr, yaml=repr)
    waiting, used = [f"{framework.name}/{template}"], set()
    while waiting:
        source, _, _ = loader.get_source(environment, waiting.pop())
        tree = environment.parse(source)
        used |= meta.find_undeclared_variables(tree)
        waiting += [name for name in meta.find_referenced_templates(tree) if name]
    assert used == {field.name for field in dataclasses.fields(context)}
