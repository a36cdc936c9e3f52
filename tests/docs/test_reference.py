"""The pages made from the code are fresh, and leave nothing out."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
from tests.docs.conftest import ROOT

CORE = ROOT / "core" / "scorewright"
PLUGIN_PAGE = (ROOT / "docs" / "reference" / "plugin-api.md").read_text(encoding="utf-8")


def test_the_generated_pages_are_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nwrite them anew: make docs"


def record_fields() -> list[tuple[str, str, str]]:
    """Every field of every record that plugins exchange with the core, with its type, read from the source's text."""
    found = []
    for module in ("framework", "target", "events", "findings", "signature", "bundle"):
        tree = ast.parse((CORE / f"{module}.py").read_text(encoding="utf-8"))
        for record in tree.body:
            if isinstance(record, ast.ClassDef) and record.decorator_list and not record.name.startswith("_"):
                fields = [one for one in record.body if isinstance(one, ast.AnnAssign)]
                found += [(record.name, ast.unparse(one.target), ast.unparse(one.annotation)) for one in fields]
    return found


@pytest.mark.parametrize(("record", "field", "kind"), record_fields())
def test_every_field_of_every_record_is_documented_with_its_type(record: str, field: str, kind: str) -> None:
    _, found, section = PLUGIN_PAGE.partition(f"### {record}\n")
    assert found
    cell = kind.replace("|", "\\|")
    assert f"| `{field}` | `{cell}` |" in section.partition("\n### ")[0]


def hooks() -> list[str]:
    """The signature of every hook, read from the source's text."""
    tree = ast.parse((CORE / "hookspecs.py").read_text(encoding="utf-8"))
    functions = [one for one in tree.body if isinstance(one, ast.FunctionDef)]
    return [
        f"def {one.name}({ast.unparse(one.args)}) -> {ast.unparse(one.returns)}" for one in functions if one.returns
    ]


@pytest.mark.parametrize("signature", hooks())
def test_every_hook_is_documented_with_its_exact_signature(signature: str) -> None:
    assert f"```python\n{signature}\n```" in PLUGIN_PAGE
