"""Makes an environment for each peer in build/peers; those that cannot be installed here are left out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import click

COMMON = ["onnxruntime==1.31.1", "numpy<2.5"]
PEERS = {
    "starlette": ["starlette==1.10.0", "uvicorn[standard]==0.54.0", "orjson==3.13.0"],
    "mlserver": ["mlserver==1.7.1"],
    "kserve": ["kserve==0.21.0"],
    "litserve": ["litserve==0.2.19"],
    "bentoml": ["bentoml==1.4.39"],
    "mlflow": ["mlflow==3.17.2", "onnx"],
    "pytriton": ["nvidia-pytriton==0.7.0"],
}
PYTHONS = {"pytriton": "/usr/bin/python3"}
"""pytriton's server loads libpython as a shared library, which the system's Python has."""


def main() -> int:
    """Install what is missing."""
    root = Path(__file__).parents[3] / "build" / "peers"
    uv = str(Path(sys.executable).with_name("uv"))
    for name, packages in PEERS.items():
        folder = root / name
        if (folder / "bin" / "python").exists():
            continue
        python = PYTHONS.get(name, sys.executable)
        make = [uv, "venv", "-q", "-p", python, str(folder)]
        fill = [uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(folder / "bin" / "python")]
        try:
            subprocess.run(make, check=True)
            subprocess.run([*fill, *packages, *COMMON], check=True)
        except subprocess.CalledProcessError:
            shutil.rmtree(folder, ignore_errors=True)
            click.echo(f"{name} cannot be installed here and is left out", err=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
