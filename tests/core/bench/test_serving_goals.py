"""The goals of the serving benchmark are computed from its rows as they say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

FILE = Path(__file__).parents[3] / "docs" / "benchmarks" / "serving" / "goals.py"


@pytest.fixture
def goals(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("serving_goals", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "serving_goals", module)
    spec.loader.exec_module(module)
    return module


def row(contender: str, key: str, rps: float, cpu: float = 100.0, **more: object) -> dict[str, object]:
    latency = {"p50": 2.0, "p99": 5.0}
    return {"contender": contender, "key": key, "rps": rps, "cpu_us": cpu, "latency": latency, "failures": {}, **more}


def test_ratios_are_of_medians_and_binary_is_held_against_json(goals: ModuleType) -> None:
    rows = [row("recipe", "mnist-json-c32", rate, 1000) for rate in (90, 100, 500)]
    rows += [row("fast", "mnist-f32-c32", rate, 50) for rate in (1200, 1500, 1300)]
    found = goals.Found(rows, {})
    goal = next(one for one in goals.FAST if one.id == "T2")
    assert goal.value(found) == 13
    assert goal.met(13)
    assert not goal.met(12.9)
    assert goal.by_cpu(found) == pytest.approx(20)
    assert next(one for one in goals.FAST if one.id == "T1").value(found) is None


def test_the_best_peer_counts(goals: ModuleType) -> None:
    key = "mnist-json-c32"
    rows = [row("fast", key, 900), row("kserve", key, 100), row("triton", key, 300)]
    assert goals.Found(rows, {}).against_best(key) == 3


def test_failures_of_our_lanes_count_and_those_of_others_do_not(goals: ModuleType) -> None:
    rows = [
        row("fast", "a", 1, failures={"status 503": 2}),
        row("stock", "a", 1, failures={"timeout": 1}),
        row("kserve", "a", 1, failures={"timeout": 9}),
    ]
    assert goals.Found(rows, {}).failures() == 3


def test_shares_and_decoding_come_from_the_costs_in_process(goals: ModuleType) -> None:
    found = goals.Found(
        [row("fast", "mnist-json-c32", 10_000)], {"mnist": {"json": 50}, "parse": {"tutorial": 600, "json": 30}}
    )
    assert found.share("mnist", "json", 32) == pytest.approx(0.5)
    assert found.parse("json") == 20
    assert found.parse("f32") is None


def test_every_goal_names_a_load_that_is_put_on_someone(goals: ModuleType) -> None:
    plan = (FILE.parent / "plan.py").read_text(encoding="utf-8")
    for goal in [one for level in goals.GOALS.values() for one in level if one.load]:
        assert goal.load[0] in goals.OURS
        assert f'"{goal.load[1].split("-")[0]}"' in plan
