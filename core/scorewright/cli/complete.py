"""What the shell offers after Tab: services of the deploy file, targets, and error codes.

Completion must never fail or speak: a half-written file simply offers nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def service_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The services that the deploy file names, other faults of the file notwithstanding."""
    from pathlib import Path

    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    names: list[str] = []
    for file in ctx.params.get("files") or ("deploy.yaml",):
        try:
            document = YAML(typ="safe").load(Path(file))
        except (OSError, ValueError, YAMLError):
            continue
        services = document.get("services") if isinstance(document, dict) else None
        names += [name for name in services or () if isinstance(name, str)] if isinstance(services, dict) else []
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]


def target_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The targets that the loaded plugins bring."""
    from scorewright.plugins import PluginManager

    return [name for name in PluginManager.load().targets if name.startswith(incomplete)]


def error_codes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The error codes that have a page."""
    from scorewright.explain import codes

    return [code for code in codes() if code.startswith(incomplete.upper())]
