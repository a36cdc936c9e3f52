"""What is public is importable from the package, typed, and loaded only when it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import scorewright

HEAVY = ["pydantic", "numpy", "jinja2", "pluggy", "httpx", "ruamel.yaml", "click", "tensorflow", "torch", "azureml"]


def typed_names() -> set[str]:
    """The names that type checkers see."""
    tree = ast.parse(Path(scorewright.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    return {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}


@pytest.mark.parametrize("name", scorewright.__all__)
def test_every_public_name_loads(name: str) -> None:
    assert getattr(scorewright, name) is not None


def test_type_checkers_see_the_same_names() -> None:
    assert typed_names() == set(scorewright.__all__) <= set(dir(scorewright))


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(scorewright, "nothing")  # noqa: B009


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = f"import sys, scorewright; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
