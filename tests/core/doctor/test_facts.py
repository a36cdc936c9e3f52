"""The doctor's look at the catalogue of facts."""

from __future__ import annotations

import threading
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

from scorewright.doctor.facts import catalogue_age, registry, runs_here

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_fresh_facts_are_fine_and_old_ones_are_told() -> None:
    (fresh,) = catalogue_age(date(2026, 12, 1))
    (old,) = catalogue_age(date(2028, 1, 1))
    assert (fresh.level, old.level) == ("ok", "warning")
    assert "2026-11-23" in fresh.found and "404 days old" in old.found


def test_rows_of_the_users_are_named_and_broken_ones_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "scorewright-catalogue.yaml"
    file.write_text("gpus: {T4: {memory_gib: 15}}\n")
    (own,) = catalogue_age(date(2026, 12, 1))
    assert "rows of your own" in own.found
    file.write_text("gpus: 7\n")
    (broken,) = catalogue_age()
    assert broken.level == "error" and broken.fix


def test_the_driver_decides_what_runs_here() -> None:
    assert [one.found for one in runs_here("12.8")] == [
        "driver for CUDA 12.8: tensorflow up to 2.21",
        "driver for CUDA 12.8: pytorch up to 2.14",
        "driver for CUDA 12.8: onnxruntime up to 1.26",
    ]


def test_a_registry_that_answers_is_fine_even_if_it_wants_a_login() -> None:
    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/v2/"
        assert [one.level for one in registry(url)] == ["ok"]
        server.shutdown()
    (gone,) = registry(url, timeout=2)
    assert gone.level == "warning"
