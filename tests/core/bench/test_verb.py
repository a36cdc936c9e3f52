"""The command, with the real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from scorewright.cli.verbs.bench import command
from scorewright.errors import ScorewrightError

DEPLOY = Path(__file__).parents[3] / "docs" / "examples" / "mnist" / "deploy.yaml"
COMMON = ["mnist-onnx", "-f", str(DEPLOY), "--set", "services.mnist-onnx.gpu=off"]


def test_our_bundle_and_the_tutorial_are_measured_side_by_side(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    options = ["--compare", "tutorial", "-c", "1,4", "--seconds", "0.2", "-o", "json", "--html", str(page)]
    done = CliRunner().invoke(command, [*COMMON, *options], catch_exceptions=False, standalone_mode=False)
    told = json.loads(done.stdout)
    assert [one["label"] for one in told["series"]] == ["tutorial", "json"]
    assert all(one["failures"] == {} and one["requests"] > 0 for s in told["series"] for one in s["outcomes"])
    assert all(one["ratio"] > 0 for one in told["series"][1]["outcomes"])
    assert told["series"][1]["outcomes"][0]["told"]["device"] == "cpu"
    assert "Latency over throughput" in page.read_text()
    assert done.return_value == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--suggest"], "needs --rate and --p99"),
        (["--suggest", "--rate", "5"], "needs --rate and --p99"),
        (["--p99", "5"], "goes with --suggest"),
        (["-c", "0"], "not a list of numbers"),
        (["-c", "1,x"], "not a list of numbers"),
        (["--seconds", "100000"], "not in the range"),
    ],
)
def test_bad_usage_is_told_before_anything_is_sent(options: list[str], said: str) -> None:
    done = CliRunner().invoke(command, [*COMMON, *options])
    assert done.exit_code == 2
    assert said in done.output


def test_a_service_that_does_not_run_is_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOREWRIGHT_HOME", str(tmp_path))
    with pytest.raises(ScorewrightError, match="mnist-onnx"):
        CliRunner().invoke(command, [*COMMON, "-c", "1"], catch_exceptions=False, standalone_mode=False)
