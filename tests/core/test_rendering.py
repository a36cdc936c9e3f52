"""Values reach rendered text as literals only, whatever is in them."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from scorewright.rendering import literal, render, yaml

if TYPE_CHECKING:
    from pathlib import Path

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner) | st.tuples(inner, inner),
    max_leaves=30,
)
YAML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)
HOSTILE = ["'''", '"""', "\\", "\n", "}}", "{% raw %}", "\u202e", "\x00", "\ud800", "__import__('os')", "#", "'+x+'"]


@dataclass(frozen=True)
class Context:
    config: object


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "some_templates" / "kind"
    folder.mkdir(parents=True)
    (folder / "score.py.jinja").write_text("CONFIG = {{ config | literal }}\n{% include 'kind/tail.jinja' %}")
    (folder / "tail.jinja").write_text("# end\n")
    (folder / "wrong.jinja").write_text("{{ missing }}")
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("some_templates", None)
    return "some_templates"


@given(VALUES)
def test_a_literal_evaluates_to_the_value(value: object) -> None:
    assert ast.literal_eval(literal(value)) == value


@given(VALUES)
def test_a_literal_is_ascii_and_the_same_every_time(value: object) -> None:
    assert literal(value).isascii()
    assert literal(value) == literal(value)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_stays_one_constant(text: str) -> None:
    tree = ast.parse(f"CONFIG = {literal({'name': text})}")
    assert ast.dump(tree) == ast.dump(ast.parse(f"CONFIG = {{'name': {text!a}}}"))


def test_the_order_of_keys_does_not_show() -> None:
    assert literal({"b": 1, "a": 2}) == literal({"a": 2, "b": 1}) == "{'a': 2, 'b': 1}"


def test_subclasses_are_written_as_their_plain_type() -> None:
    class Sly(str):
        __slots__ = ()

        def __repr__(self) -> str:
            return "__import__('os')"

    assert literal([Sly("x")]) == "['x']"


@pytest.mark.parametrize("value", [object(), {1: 2}, {"a", "b"}, len, [lambda: 0]])
def test_anything_that_is_not_plain_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        literal(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [-float("inf")]])
def test_floats_without_a_literal_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="has no literal"):
        literal(value)


@given(YAML_VALUES)
def test_yaml_reads_back_as_the_value(value: object) -> None:
    assert YAML(typ="safe", pure=True).load(yaml(value)) == value


@pytest.mark.parametrize(
    "text", ["no", "on", "Yes", "12:30", "1e3", "012", "0x1f", "~", "", "null", "- x", "a: b", "# c"]
)
def test_yaml_quotes_what_a_reader_may_take_for_something_else(text: str) -> None:
    assert yaml({"key": text}) == f'key: "{text}"'


def test_yaml_leaves_package_requirements_bare() -> None:
    assert yaml(["python=3.12", "tensorflow[and-cuda]==2.21.0", "numpy>=1.26"]) == (
        "  - python=3.12\n  - tensorflow[and-cuda]==2.21.0\n  - numpy>=1.26"
    )


def test_a_template_may_include_another_of_its_package(package: str) -> None:
    assert render(package, "kind/score.py.jinja", Context({"a": [1]})) == "CONFIG = {'a': [1]}\n# end\n"


def test_a_name_that_the_context_lacks_is_an_error(package: str) -> None:
    with pytest.raises(jinja2.UndefinedError, match="missing"):
        render(package, "kind/wrong.jinja", Context(1))


@pytest.mark.parametrize("name", ["../pyproject.toml", "kind/../../x", "/etc/passwd", "kind/none.jinja"])
def test_a_template_outside_the_package_is_not_found(package: str, name: str) -> None:
    with pytest.raises(jinja2.TemplateNotFound):
        render(package, name, Context(1))
