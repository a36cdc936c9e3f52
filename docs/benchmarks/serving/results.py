"""What a run found, as plain values and as a page."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import machine
import numpy as np
from contenders import CONTENDERS, Place, lane
from goals import GOALS, Found, Goal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from models import Case

HERE = Path(__file__).parent
_ALONE = {"the model": "model", "with JSON": "json", "with float32": "f32"}
_BY_CPU = """\
*By CPU time*: the same ratio from the CPU time that the servers used for one request; what a core to itself would show,
whatever else ran on it meanwhile. The smaller of the two decides.
"""
_METHOD = """\
The server runs on one core, the load generator on another; contenders take turns, and each starts afresh in every
round. Every answer is compared with what the model says. **Only the ratios are meant to be used**: other guests of the
machine move all absolute numbers.
"""


def evaluate(rows: list[dict[str, Any]], alone: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """The run with its goals, as plain values. ``alone``: what `inprocess` found in each round."""
    costs = {case: {kind: median([one[case][kind] for one in alone]) for kind in alone[0][case]} for case in alone[0]}
    found = Found(rows, costs)
    goals: list[dict[str, Any]] = []
    for level, members in GOALS.items():
        goals += [{"level": level, **_judged(goal, found)} for goal in members]
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return {"at": at, "goals": goals, "inprocess_us": found.inprocess, "rows": rows}


def _judged(goal: Goal, found: Found) -> dict[str, Any]:
    """A goal with what was found; the smaller of a rate's two ratios decides."""
    value, cpu = goal.value(found), goal.by_cpu(found)
    decisive = value if value is None or cpu is None else min(value, cpu)
    return {
        "id": goal.id,
        "text": goal.text,
        "goal": goal.goal,
        "least": goal.least,
        "unit": goal.unit,
        "value": None if value is None else round(value, 3),
        "by_cpu": None if cpu is None else round(cpu, 3),
        "met": None if decisive is None else goal.met(decisive),
    }


def inprocess(cases: Mapping[str, Case], place: Place) -> dict[str, dict[str, float]]:
    """Costs without HTTP in microseconds, from a process of its own."""
    job: dict[str, Any] = {"core": machine.SERVER_CORE, "models": {}}
    for name in ("mnist", "resnet"):
        rows = place.folder / f"{name}.npy"
        np.save(rows, cases[name].rows[:1] / 255.0)
        job["models"][name] = (str(cases[name].model), str(rows))
    program = lane("fast", "")(cases["free"], place)
    np.save(place.folder / "picture.npy", cases["resnet"].rows[:1] / 255.0)
    job |= {"source": str(program.folder), "picture": str(place.folder / "picture.npy")}
    file = place.folder / "job.json"
    file.write_text(json.dumps(job))
    env = {"AZUREML_MODEL_DIR": str(program.variables["AZUREML_MODEL_DIR"]), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, HERE / "inprocess.py", file], capture_output=True, text=True, env=env, check=True
    )
    told: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return told


def text(told: Mapping[str, Any]) -> str:
    """The page."""
    return "\n".join(_lines(told)) + "\n"


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    rounds = 1 + max((row["round"] for row in told["rows"]), default=0)
    info = told["machine"]
    yield "# Ways to serve a model, compared\n"
    yield f"Written by `make bench-serving-full` on {told['at']}; {rounds} rounds, {told['minutes']:g} minutes."
    yield "Machine: " + ", ".join([info["cpu"], f"{info['cores']} cores", info["memory"], info["system"]]) + ".\n"
    yield _METHOD
    met = sum(goal["met"] is True for goal in told["goals"])
    missed = sum(goal["met"] is False for goal in told["goals"])
    yield f"## Goals: {met} met, {missed} missed, {len(told['goals']) - met - missed} not measured\n"
    yield _BY_CPU
    for level in GOALS:
        yield f"### {level}\n"
        yield "| goal | what | wanted | found | by CPU time | |\n| --- | --- | ---: | ---: | ---: | --- |"
        yield from (_goal(goal) for goal in told["goals"] if goal["level"] == level)
        yield ""
    yield from _tables(told["rows"])
    yield from _notes(told)


def _goal(goal: Mapping[str, Any]) -> str:
    sign = "≥" if goal["least"] else "≤"
    unit = f" {goal['unit']}" if goal["unit"] else ""
    value = "-" if goal["value"] is None else f"{goal['value']:.3g}{unit}"
    verdict = {True: "met", False: "**missed**", None: "not measured"}[goal["met"]]
    cpu = "" if goal["by_cpu"] is None else f"{goal['by_cpu']:.3g}{unit}"
    return f"| {goal['id']} | {goal['text']} | {sign} {goal['goal']:g}{unit} | {value} | {cpu} | {verdict} |"


def _tables(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    found = Found(rows, {})
    labels = {one.name: one.label for one in CONTENDERS}
    yield "## All loads\n"
    yield "Medians of the rounds. Ratio: requests a second, to the recipe's under the same load. CPU: the server's,"
    yield "for one request.\n"
    for key in dict.fromkeys(row["key"] for row in rows if "rps" in row):
        yield f"### {key}\n"
        yield "| | requests/s | ratio | p50 ms | p99 ms | CPU µs |\n| --- | ---: | ---: | ---: | ---: | ---: |"
        for name, label in labels.items():
            if found.median(name, key) is not None:
                yield _row(found, name, label, key)
        yield ""


def _row(found: Found, name: str, label: str, key: str) -> str:
    ratio = found.ratio(name, key)
    cells = [f"{found.median(name, key):,.0f}", "-" if ratio is None else f"{ratio:.2f}"]
    for field in ("p50", "p99", "cpu_us"):
        value = found.median(name, key, field)
        cells.append("-" if value is None else f"{value:.2f}" if field != "cpu_us" else f"{value:.0f}")
    return f"| {label} | {' | '.join(cells)} |"


def _notes(told: Mapping[str, Any]) -> Iterator[str]:
    dirty = [row["dirt"] for row in told["rows"] if "dirt" in row]
    yield "## Notes\n"
    if dirty:
        share = sum(value > 0.06 for value in dirty) / len(dirty)
        most = f"{max(dirty):.0%}"
        yield f"- {share:.0%} of the loads shared the server's core with more than 6 % other work (at most {most})."
    if told["urgent"]:
        yield "- Servers and load generator had a higher priority than other work of the machine."
    for row in told["rows"]:
        if "cold" in row:
            yield f"- {row['contender']}, {row['key']}, round {row['round'] + 1}: not measured: {row['cold'][:150]!r}"
    if told["missing"]:
        yield f"- Not installed: {', '.join(told['missing'])}."
    alone = told["inprocess_us"]["mnist"]
    shown = ", ".join(f"{name} {alone[kind]:.0f} µs" for name, kind in _ALONE.items())
    yield f"- One row in process, without HTTP: {shown}."
