"""Runs the command in this process and returns what a user would see of it."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from scorewright.cli.entry import run

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Outcome:
    """An exit code and both outputs."""

    code: int
    out: str
    err: str

    def json(self) -> Any:  # noqa: ANN401  whatever the command answered
        """The one JSON document on stdout."""
        import json

        return json.loads(self.out)


class Invoke(Protocol):
    """Runs the command with these arguments, ``stdin`` being what it is piped."""

    def __call__(self, *args: str, stdin: bytes = b"") -> Outcome: ...


@pytest.fixture
def scorewright(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoke]:
    """The command, without a terminal."""

    def invoke(*args: str, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        code = run(args)
        out, err = capfd.readouterr()
        return Outcome(code, out, err)

    yield invoke
