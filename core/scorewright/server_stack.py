"""The packages that every service runs on besides its framework, pinned here and nowhere else."""

from __future__ import annotations

from .framework import Requirement


def _anywhere(requirement: str) -> Requirement:
    """A package that is the same with a GPU and without."""
    return Requirement(gpu=requirement, cpu=requirement)


SERVER = _anywhere("azureml-inference-server-http==1.5.1")
"""Microsoft's scoring server, the one that Azure Machine Learning runs.

https://pypi.org/project/azureml-inference-server-http/1.5.1/
"""

LANE = (
    _anywhere("a2wsgi==1.10.10"),
    _anywhere("httptools==0.9.0"),
    _anywhere('uvicorn==0.54.0; python_version >= "3.10"'),
    _anywhere('uvicorn==0.39.0; python_version < "3.10"'),
    _anywhere("uvicorn-worker==0.4.0"),
    _anywhere('uvloop==0.23.0; sys_platform != "win32"'),
)
"""The event loop of the fast lane, inside that server."""

JSON = (
    _anywhere('orjson==3.13.0; python_version >= "3.10"'),
    _anywhere('orjson==3.11.5; python_version < "3.10"'),
    _anywhere('pysimdjson==7.0.2; python_version < "3.14"'),
)
"""Fast JSON, in both lanes. The markers: these releases have wheels there."""

NUMPY = _anywhere("numpy>=1.26,<3")
"""What the runtime computes with; a framework's own pin on numpy takes its place."""

PILLOW = _anywhere("pillow>=10.3")
"""What the runtime reads images with, where a service takes images."""
