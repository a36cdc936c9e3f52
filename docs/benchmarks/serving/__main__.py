"""Compares ways to serve the same models on this machine.

    python docs/benchmarks/serving --short          our lanes against the tutorial's recipe, one round
    python docs/benchmarks/serving --full           everyone, three rounds; writes results.json and results.md

The server runs on core 0, the load generator on core 1; only ratios to the recipe are meant to be compared.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import machine
import models
import plan
import results
from contenders import CONTENDERS, Contender, Place
from measuring import Cold, Pace, measure

from scorewright.errors import ScorewrightError

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@click.command(help=__doc__)
@click.option("--short/--full", default=True)
@click.option("--rounds", type=int, default=None, help="Default: 1, and 3 in full.")
@click.option("--seconds", type=float, default=1.5, show_default=True, help="Length of one load.")
@click.option("--patience", type=float, default=10.0, show_default=True, help="Longest wait for a quiet machine.")
@click.option("--repeats", default=2, show_default=True, help="How often a load is repeated that others disturbed.")
@click.option("--urgent", is_flag=True, help="Go before other work of this machine; takes an administrator.")
@click.option("--only", multiple=True, help="Only these contenders.")
@click.option("--case", "cases", multiple=True, help="Only these models: mnist, standin, resnet, free.")
@click.option("--environments", type=click.Path(path_type=Path), default=ROOT / "build" / "peers")
@click.option("--into", type=click.Path(path_type=Path), default=None, help="Write the results to this folder.")
def main(
    short: bool,
    rounds: int | None,
    seconds: float,
    patience: float,
    repeats: int,
    urgent: bool,
    only: tuple[str, ...],
    cases: tuple[str, ...],
    environments: Path,
    into: Path | None,
) -> None:
    """See above."""
    began = time.time()
    if urgent:
        machine.go_first()
    with tempfile.TemporaryDirectory(prefix="scorewright-bench-") as name:
        place = Place(Path(name), environments)
        known = models.cases(place.folder)
        chosen = [one for one in CONTENDERS if (one.name in only if only else not short or one.name in plan.OURS)]
        missing = [one.name for one in chosen if not one.installed(place)]
        taking_part = [one for one in chosen if one.name not in missing]
        found: list[dict[str, Any]] = []
        alone: list[dict[str, dict[str, float]]] = []
        for number in range(rounds or (1 if short else 3)):
            for case in known.values():
                if cases and case.name not in cases:
                    continue
                for contender in taking_part:
                    found += _one(contender, case, place, Pace(seconds, patience, repeats, urgent), number)
            alone.append(results.inprocess(known, place))
        told = results.evaluate(found, alone)
    told["machine"] = machine.describe()
    told["missing"] = missing
    told["urgent"] = urgent
    told["minutes"] = round((time.time() - began) / 60, 1)
    text = results.text(told)
    folder = into or (None if short else HERE)
    if folder is not None:
        (folder / "results.json").write_text(json.dumps(told, indent=1) + "\n")
        (folder / "results.md").write_text(text)
    click.echo(text)


def _one(contender: Contender, case: models.Case, place: Place, pace: Pace, number: int) -> list[dict[str, Any]]:
    shots = plan.shots(contender, case.name)
    if not shots:
        return []
    rows: list[dict[str, Any]] = []
    try:
        for row in measure(contender, case, shots, place, pace):
            rows.append({**row, "round": number})
            if "rps" in row:
                click.echo(_told(number, contender.name, row), err=True)
    except (Cold, ScorewrightError) as error:
        rows.append({"contender": contender.name, "key": case.name, "cold": str(error), "round": number})
        click.echo(f"{contender.name} {case.name}: {error} {getattr(error, 'cause', '')}", err=True)
    return rows


def _told(number: int, name: str, row: dict[str, Any]) -> str:
    latency = "  ".join(f"{key} {row['latency'].get(key, 0):8.2f}" for key in ("p50", "p99"))
    rest = f"{row['cpu_us'] or 0:8.1f} us  dirt {row['dirt']:.2f}  {row['failures'] or ''}"
    return f"{number} {name:9} {row['key']:24} {row['rps']:9.1f}/s  {latency} ms  {rest}"


if __name__ == "__main__":
    sys.exit(main())
