"""Runs the command in this process and returns what a user would see of it."""

from __future__ import annotations

import io
import json
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
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


class Scorer(BaseHTTPRequestHandler):
    """Answers ``POST /score`` with what it got: a service as far as a client can tell. ``teapot`` is refused."""

    def do_POST(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers["content-length"]))
        seen = {"type": self.headers["content-type"], "key": self.headers["authorization"], "size": len(body)}
        status, answer = 200, json.dumps(seen).encode()
        if b"teapot" in body:
            status, answer = 400, b'{"error": {"code": "wrong_shape", "message": "x: expected [any, 2]", "input": "x"}}'
        accept = self.headers["accept"]
        self.send_response(status)
        self.send_header("content-type", accept)
        self.send_header("content-length", str(len(answer)))
        self.send_header("x-scorewright-device", "cpu")
        self.send_header("x-scorewright-model", "one:1")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a deploy file for the fake plugin, whose services answer over HTTP; it is the current folder."""
    monkeypatch.syspath_prepend(DATA)
    monkeypatch.setenv("SCOREWRIGHT_TARGET", "shelf")
    monkeypatch.setenv("SCOREWRIGHT_DISABLE_PLUGINS", "scorewright")
    monkeypatch.setenv("FAKE_STATE", str(tmp_path / "state.json"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.fake").write_text("a model")
    (tmp_path / "sample.json").write_text('{"data": [[1, 2]]}')
    (tmp_path / "deploy.yaml").write_text(DEPLOY)
    with ThreadingHTTPServer(("127.0.0.1", 0), Scorer) as server:
        monkeypatch.setenv("FAKE_URI", f"http://127.0.0.1:{server.server_port}/score")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield tmp_path
        server.shutdown()
        thread.join()


DATA = Path(__file__).with_name("data")
DEPLOY = """\
scorewright: 1
services:
  one:
    model: {path: one.fake}
    sample: {input: sample.json}
  two:
    model: {path: one.fake}
"""
