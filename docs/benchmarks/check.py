"""How long `scorewright check` takes for ten services, the frameworks out of reach.

    python docs/benchmarks/check.py

Goal: under one second, the start of Python included. Median of 9 rounds; the frameworks and Azure SDKs are hidden from
the process, as on a machine that has none of them, and modules have their bytecode, as installed ones do.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

ROUNDS = 9
GOAL = 1.0
EXAMPLE = Path(__file__).parents[1] / "examples" / "ten-services" / "deploy.yaml"
HIDDEN = """
import sys
HIDDEN = {"tensorflow", "keras", "torch", "onnxruntime", "onnx", "azureml", "azure", "h5py"}
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
from scorewright.cli.entry import run
sys.exit(run(["check", "-f", sys.argv[1]]))
"""


def seconds(bytecode: str) -> float:
    """How long one check takes. ``bytecode``: a folder for it."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = bytecode
    command = [sys.executable, "-c", HIDDEN, str(EXAMPLE)]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - began


def main() -> int:
    """Measure, print, and return 1 if the goal is missed."""
    with tempfile.TemporaryDirectory() as bytecode:
        seconds(bytecode)  # Fills the file cache and writes the bytecode.
        taken = [seconds(bytecode) for _ in range(ROUNDS)]
    median = statistics.median(taken)
    spread = f"from {min(taken):.2f} to {max(taken):.2f}"
    click.echo(f"check of 10 services: {median:.2f} s ({spread}; goal: under {GOAL:g} s)")
    return int(median >= GOAL)


if __name__ == "__main__":
    sys.exit(main())
