"""The report: one file that needs nothing else and says what was measured."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree

import pytest

from scorewright.bench import charts
from scorewright.bench.load import Outcome
from scorewright.bench.report import page
from scorewright.bench.suggest import Suggestion
from scorewright.bench.sweep import Measured, Series
from scorewright.bench.text import text


def outcome(concurrency: int, rps: float, failures: dict[str, int] | None = None, own: float = 0.2) -> Outcome:
    latency = {name: concurrency * factor for name, factor in [("p50", 1.0), ("p90", 2.0), ("p99", 3.0), ("max", 9.0)]}
    return Outcome(
        concurrency, None, 1, int(rps), 1.0, rps, latency, failures or {}, {1: 3, 8: 9}, {"device": "cpu"}, own
    )


BASE = Series("tutorial", (outcome(1, 100), outcome(8, 120)))
OWN = Series("json", (outcome(1, 400), outcome(8, 1800, {"status 503": 2}, own=0.95)))
PROOF = Suggestion("digits", 5000, 20, 4, 1300, 16, 30, outcome(64, 1300))
MEASURED = Measured("digits", "on <this> machine", (BASE, OWN), "tutorial", PROOF)


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    html = page(MEASURED)
    assert not re.search(r"<script|<link|<img|https?:|url\(|@import", html)
    assert "on &lt;this&gt; machine" in html
    for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        ElementTree.fromstring(svg)
    assert html.count("<svg") == 4  # latency over throughput, percentiles of each series, batches
    assert "15.0" in html  # times the tutorial's
    assert "max_batch_size: 16" in html


def test_points_stand_within_the_axes() -> None:
    for points in ([(1.0, 5.0, "")], [(1.0, 0.3, ""), (64.0, 4000.0, "")], [(3.0, 1.0, ""), (8.0, 10.0, "")]):
        for doubling in (False, True):
            chart = charts.line_chart([charts.Points("a", 1, points)], "x", "y", doubling=doubling)
            dots = chart.lines[0].dots
            assert all(chart.left <= dot.x <= chart.right for dot in dots)
            assert all(chart.top <= dot.y <= chart.bottom for dot in dots)


def test_labels_do_not_stand_on_each_other() -> None:
    lines = [charts.Points(str(n), n, [(1.0, 5.0, ""), (2.0, 5.0 + n / 100, "")]) for n in (1, 2, 3)]
    placed = sorted(line.label_y for line in charts.line_chart(lines, "x", "y").lines)
    assert all(lower - upper >= 12 for upper, lower in itertools.pairwise(placed))


@pytest.mark.parametrize("highest", [0.4, 1, 7, 99, 100, 38_000])
def test_axes_have_few_round_marks_up_to_the_highest(highest: float) -> None:
    marks = charts.round_steps(highest)
    assert marks[0] == 0
    assert marks[-1] >= highest * 0.999
    assert 3 <= len(marks) <= 8


def test_the_text_has_the_ratio_and_the_doubts() -> None:
    shown = text(MEASURED)
    assert re.search(r"8 at a time +1,800 .* 15\.0 x", shown)
    assert "used 95% of its core" in shown
    assert "2 x status 503" in shown
    assert "replicas: 4" in shown


def test_plain_data_has_the_ratio() -> None:
    told = MEASURED.to_dict()
    assert [one["ratio"] for one in told["series"][1]["outcomes"]] == [4.0, 15.0]
    assert told["suggestion"]["replicas"] == 4
    assert told["series"][0]["outcomes"][0]["ratio"] is None
