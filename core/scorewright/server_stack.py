"""The packages that every service runs on besides its framework, pinned here and nowhere else."""

from __future__ import annotations

from .framework import Requirement

SERVER = Requirement(
    gpu="azureml-inference-server-http==1.5.1",
    cpu="azureml-inference-server-http==1.5.1",
)
"""Microsoft's scoring server, the one that Azure Machine Learning runs.

https://pypi.org/project/azureml-inference-server-http/1.5.1/
"""

NUMPY = Requirement(gpu="numpy>=1.26,<3", cpu="numpy>=1.26,<3")
"""What the runtime computes with; a framework's own pin on numpy takes its place."""

PILLOW = Requirement(gpu="pillow>=10.3", cpu="pillow>=10.3")
"""What the runtime reads images with, where a service takes images."""
