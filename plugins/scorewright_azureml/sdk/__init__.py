"""azureml-core behind a wall: it runs in processes of its own, and plain values go in and out.

Why a wall: the SDK prints to stdout, wants the current folder above the model, runs ``git`` there and sends the
remote's URL, changes the environment object it is given, calls without a time limit, and raises five families of
exceptions.
`SdkPool` is this side of the wall, `process` the other side.
"""

from __future__ import annotations

from .pool import SdkError, SdkPool

__all__ = ["SdkError", "SdkPool"]
