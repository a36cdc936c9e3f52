"""The corpus: texts of real failures, each with the address of its public thread."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, cast

import pytest
from ruamel.yaml import YAML

from scorewright.diagnosis import Evidence, Source

CORPUS = Path(__file__).with_name("corpus.yaml")


class Case(NamedTuple):
    """One text. ``code``: what the doctor must say, None for unknown. ``quote``: what it must quote."""

    code: str | None
    evidence: Evidence
    url: str
    quote: str


def failures() -> list[Case]:
    """Every failure of the corpus, in order."""
    return [
        Case(row["code"], Evidence(cast("Source", row["source"]), row["text"]), row["url"], row.get("quote", ""))
        for row in YAML(typ="safe").load(CORPUS)["failures"]
    ]


def harmless() -> list[Case]:
    """The lines of services that are well."""
    rows = YAML(typ="safe").load(CORPUS)["harmless"]
    return [Case(None, Evidence("container log", row["text"]), row["url"], "") for row in rows]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that takes ``failure`` or ``harmless_log`` one case after the other."""
    for name, cases in (("failure", failures), ("harmless_log", harmless)):
        if name in metafunc.fixturenames:
            ids = [f"{number}-{case.code}" for number, case in enumerate(cases())]
            metafunc.parametrize(name, cases(), ids=ids)


@pytest.fixture(scope="session")
def corpus() -> list[Case]:
    """Every failure of the corpus."""
    return failures()
