"""Puts trained models on GPUs in Azure Machine Learning: checked, planned, proven and cleaned up.

    spec = scorewright.load("deploy.yaml")
    run = scorewright.Deployer(target="local")
    result = run.apply(run.plan(spec))
    result["mnist"].score({"data": rows})

Names load when first used, so that importing this package imports no framework, no SDK and little else.
"""

from __future__ import annotations

__version__ = "0.1.0"
