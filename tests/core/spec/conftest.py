"""Fixtures of the deploy file's tests: real files, loaded for real."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from scorewright.errors import SpecError
from scorewright.spec import load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scorewright.findings import Finding
    from scorewright.spec import Spec


class Load(Protocol):
    """Writes texts as files of one folder (a.yaml, b.yaml, …) and loads them together."""

    def __call__(
        self, *texts: str, sets: tuple[str, ...] = (), env: Mapping[str, str] | None = None, **overrides: object
    ) -> Spec: ...


class Faults(Protocol):
    """The same for texts that do not load: the findings."""

    def __call__(
        self, *texts: str, sets: tuple[str, ...] = (), env: Mapping[str, str] | None = None, **overrides: object
    ) -> list[Finding]: ...


@pytest.fixture
def load_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads texts; the current folder is where the files are. ``__`` in an override's name stands for a dot."""
    monkeypatch.chdir(tmp_path)

    def run(*texts: str, sets: tuple[str, ...] = (), env: Mapping[str, str] | None = None, **overrides: object) -> Spec:
        files = [f"{name}.yaml" for name in "abcdef"[: len(texts)]]
        for file, text in zip(files, texts, strict=True):
            (tmp_path / file).write_text(text, encoding="utf-8")
        dotted = {key.replace("__", "."): value for key, value in overrides.items()}
        return load(files, overrides=dotted, sets=sets, env=env or {})

    return run


@pytest.fixture
def faults(load_texts: Load) -> Faults:
    """Expects texts not to load and returns the findings."""

    def run(
        *texts: str, sets: tuple[str, ...] = (), env: Mapping[str, str] | None = None, **overrides: object
    ) -> list[Finding]:
        with pytest.raises(SpecError) as caught:
            load_texts(*texts, sets=sets, env=env, **overrides)
        assert caught.value.code == "SW1001"
        return list(caught.value.findings)

    return run


@pytest.fixture
def service() -> str:
    """A deploy file with one service whose mapping is still open: lines indented by four spaces go into it."""
    return "scorewright: 1\nservices:\n  mnist:\n    model: {path: m.onnx}\n"
