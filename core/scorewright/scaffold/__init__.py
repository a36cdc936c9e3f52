"""What starts a project: a first deploy file from model files."""

from __future__ import annotations

from .deploy_file import init

__all__ = ["init"]
