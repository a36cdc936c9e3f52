"""Names that Azure ML, its server or scorewright keep for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.findings import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.findings import Finding

    from .context import CheckContext

RESERVED = {
    "AML_APP_ROOT": "it says where the app is",
    "AZUREML_MODEL_DIR": "it says where the model is",
    "AZUREML_ENTRY_SCRIPT": "it says which script is served",
    "AZUREML_SOURCE_DIRECTORY": "it says where the script is",
    "SCOREWRIGHT_GPU_DEFAULT": "the target sets it",
    "SCOREWRIGHT_REHEARSAL": "the target sets it",
}
"""Variables that the container gets from elsewhere, and what breaks without them."""


def variables(context: CheckContext) -> Iterator[Finding]:
    """Variables in ``env`` that would break the service."""
    for name, service in context.spec.services.items():
        for key in service.env:
            at = ("services", name, "env", key)
            if key in RESERVED:
                message = f"{key} is not yours to set: {RESERVED[key]}"
                yield context.finding("SW1437", message, *at, hint="take it out of env")
            elif key == "LD_LIBRARY_PATH":
                message = f"{key} replaces the path that finds CUDA and the driver in {name}"
                hint = "take it out, or end it with what scorewright render writes there"
                yield context.finding("SW1437", message, *at, hint=hint, level=Level.WARNING)
