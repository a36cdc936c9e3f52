"""The reference page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scorewright.spec.models import Model
from scorewright.spec.reference import INTRODUCTION, reference

if TYPE_CHECKING:
    from .conftest import Load

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "deploy-yaml.md"


def models(model: type[Model] = Model) -> list[type[Model]]:
    """Every model, without their common base."""
    return [found for below in model.__subclasses__() for found in (below, *models(below))]


def test_the_page_is_up_to_date() -> None:
    message = "run: python -m scorewright.spec.reference > docs/reference/deploy-yaml.md"
    assert PAGE.read_text(encoding="utf-8") == reference(), message


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
def test_every_field_has_a_row(model: type[Model]) -> None:
    for name, field in model.model_fields.items():
        assert re.search(rf"^\| `{name}` \| .+ \| .* \| {re.escape(field.description or '-')} \|$", reference(), re.M)


def test_the_tables_are_whole() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


def test_the_example_loads(load_texts: Load) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", INTRODUCTION, re.DOTALL)
    assert list(load_texts(text).services) == ["mnist"]
