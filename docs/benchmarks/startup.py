"""How long the command takes to start, as ratios to `python -c pass` on the same machine.

    python docs/benchmarks/startup.py

Goals: at most 12 times for the command's help and version, at most 9 times for the import. Medians of 15 rounds, the
variants taken in turn so that a busy moment of the machine hits all of them alike.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import click

ROUNDS = 15
COMMAND = str(Path(sys.executable).with_name("scorewright"))
VARIANTS = {
    "python -c pass": ([sys.executable, "-c", "pass"], 1.0),
    "import scorewright": ([sys.executable, "-c", "import scorewright"], 9.0),
    "scorewright --version": ([COMMAND, "--version"], 12.0),
    "scorewright --help": ([COMMAND, "--help"], 12.0),
    "scorewright up --help": ([COMMAND, "up", "--help"], 12.0),
}


def seconds(command: list[str]) -> float:
    """How long one run of a command takes."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> int:
    """Measure, print a table, and return 1 if a goal is missed."""
    times: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for command, _ in VARIANTS.values():
        seconds(command)  # Fills the file cache and writes the bytecode.
    for _ in range(ROUNDS):
        for name, (command, _) in VARIANTS.items():
            times[name].append(seconds(command))
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    base = medians["python -c pass"]
    missed = False
    for name, (_, goal) in VARIANTS.items():
        ratio = medians[name] / base
        missed |= ratio > goal
        click.echo(f"{name:<24} {medians[name] * 1000:6.1f} ms  {ratio:5.1f} x  (goal: at most {goal:g} x)")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
