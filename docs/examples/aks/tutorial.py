"""The tutorial from Python: plan, make, ask, delete.

    python tutorial.py

Needs an Azure ML workspace and credentials in the environment, or a rehearsal (see docs/rehearse.md).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import scorewright

HERE = Path(__file__).parent


def main() -> None:
    """Deploy the three services, ask each for the digit of the sample, and delete everything, the cluster too."""
    spec = scorewright.load(HERE / "deploy.yaml")
    run = scorewright.Deployer(target="azureml")
    plan = run.plan(spec)
    sys.stdout.write(f"{plan}\n")
    try:
        result = run.apply(plan, on_event=lambda event: sys.stderr.write(f"{event.subject}: {event.message}\n"))
        sample = json.loads((HERE / "../mnist/sample.json").read_text())
        for name in spec.services:
            sys.stdout.write(f"{name}: {result[name].score(sample)} at {result[name].scoring_uri}\n")
    finally:
        left = run.destroy(spec, cluster=True)
    sys.stdout.write(f"left: {', '.join(left) or 'nothing'}\n")


if __name__ == "__main__":
    main()
