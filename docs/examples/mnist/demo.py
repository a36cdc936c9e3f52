"""The demo: deploys one service of this example on this machine, scores a held-out digit, and takes it down again.

    python demo.py [tensorflow|onnx|pytorch]

Every command is shown as you would type it. The exit code says whether all of it worked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

HERE = Path(__file__).parent
SERVICES = {"tensorflow": "mnist-checkpoint", "onnx": "mnist-onnx", "pytorch": "mnist-torchscript"}
SHADES = " .:-=+*#%@"


def scorewright(*words: str, capture: bool = False) -> str:
    """Show a command, run it, and return what it wrote to stdout if ``capture``. Raises `CalledProcessError`."""
    click.secho(f"\n$ scorewright {' '.join(words)}", bold=True, fg="cyan")
    command = [sys.executable, "-m", "scorewright", *words]
    done = subprocess.run(command, cwd=HERE, check=True, text=True, stdout=subprocess.PIPE if capture else None)
    if capture:
        click.echo(done.stdout.strip())
    return done.stdout or ""


def picture(pixels: list[float]) -> str:
    """784 pixels from 0 to 1 as 14 lines of text."""
    rows = [pixels[start : start + 28] for start in range(0, 784, 56)]
    return "\n".join("".join(SHADES[min(9, int(pixel * 10))] for pixel in row) for row in rows)


def digit(answer: str) -> int:
    """The digit whose score is highest, of one row of scores as the service answers them."""
    scores: list[float] = json.loads(answer)[0]
    return scores.index(max(scores))


def show(service: str) -> bool:
    """Deploy, score and look. Returns whether both digits were recognised."""
    scorewright("up", "--yes", "--service", service)
    scorewright("status", "--service", service)

    pixels: list[float] = json.loads((HERE / "sample.json").read_text())["data"][0]
    click.echo(f"\nA digit that the network has never seen:\n{picture(pixels)}")
    seven = digit(scorewright("score", service, "--data", "sample.json", capture=True))
    click.echo(f"As JSON: the highest score is that of {seven}.")
    three = digit(scorewright("score", service, "--image", "digits/3.png", "-v", capture=True))
    click.echo(f"As PNG: the highest score is that of {three}.")
    return (seven, three) == (7, 3)


@click.command()
@click.argument("framework", type=click.Choice(list(SERVICES)), default="tensorflow")
def main(framework: str) -> None:
    """Deploy a service of FRAMEWORK, score two digits, take it down."""
    with tempfile.TemporaryDirectory(prefix="scorewright-demo-") as home:
        os.environ["SCOREWRIGHT_HOME"] = home  # Leaves nothing of itself on your machine.
        sys.exit(run(framework))


def run(framework: str) -> int:
    """Run the demo and return the exit code."""
    service = SERVICES[framework]
    began = time.monotonic()
    right = False
    try:
        right = show(service)
    except subprocess.CalledProcessError as error:
        click.secho(f"\nthe command above failed with exit code {error.returncode}", fg="red", err=True)
    finally:
        scorewright("down", "--yes", "--service", service)
    if not right:
        click.secho("\nthe demo failed", fg="red", err=True)
        return 1
    others = " or ".join(f"make demo FRAMEWORK={name}" for name in SERVICES if name != framework)
    click.secho(f"\nAll of it worked, in {time.monotonic() - began:.0f} s.", fg="green")
    click.echo(f"""
What happened: scorewright read the model in docs/examples/mnist/models, rendered a scoring script, started Microsoft's
inference server with it (the one that Azure ML runs), sent a golden request, and called it ready only then.

What to try next:
  {others}
  look at docs/examples/mnist/deploy.yaml, the file that said all this
  scorewright init YOUR_MODEL     with a model of your own""")
    return 0


if __name__ == "__main__":
    main()
