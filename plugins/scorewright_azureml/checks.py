"""What the azureml target has to say before anything is asked of Azure."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from scorewright.errors import DeploymentError
from scorewright.findings import Finding, Level

from . import credentials, models
from .connection import workspace_of
from .downtime import tries_candidate, verdict
from .services import candidate_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.bundle import Bundle
    from scorewright.spec.models import ServiceSpec, Spec
    from scorewright.target import DesiredRequest


def check(request: DesiredRequest) -> tuple[Finding, ...]:
    """Findings about the workspace, the cluster, the credentials and what only this target can or cannot do."""
    return (*_surroundings(request.spec), *_services(request.spec), *_models(request))


def _surroundings(spec: Spec) -> Iterator[Finding]:
    if spec.workspace is None:
        yield from spec.origin.unset
    try:
        workspace_of(spec)
    except DeploymentError as error:
        if not spec.origin.unset:
            said = f"{error.summary}: {error.cause}"
            yield _finding(spec, Level.ERROR, error.code, said, error.steps[0], "workspace")
    if spec.cluster is None:
        hint = "add cluster: {name: aks-gpu, vm_size: Standard_NC4as_T4_v3, node_count: 3}"
        yield _finding(spec, Level.ERROR, "SW2107", "there is no cluster to deploy to", hint, "cluster")
    if credentials.found() is None:
        hint = "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or: az login"
        message = "no Azure credentials were found; plan and up need them"
        yield _finding(spec, Level.WARNING, "SW2101", message, hint, "workspace")
    if importlib.util.find_spec("azureml") is None:
        hint = "pip install 'scorewright[azureml]'"
        message = "azureml-core is not installed; plan and up need it"
        yield _finding(spec, Level.WARNING, "SW2103", message, hint, "workspace")


def _services(spec: Spec) -> Iterator[Finding]:
    taken = {candidate_name(name): name for name in spec.services}
    for name, service in spec.services.items():
        at = ("services", name)
        if name in taken:
            message = f"new versions of {taken[name]} are tried under the name {name}"
            yield _finding(spec, Level.ERROR, "SW2108", message, "give one of the two another name", *at)
        if service.azureml.legacy_inference_config:
            yield _legacy(spec, *at, "azureml", "legacy_inference_config")
        if service.azureml.candidate and not tries_candidate(spec, service):
            hint = "with GPUs to spare new versions are tried beside the live one: more nodes, or larger ones"
            yield _finding(spec, Level.INFO, "SW2109", verdict(spec, service), hint, *at, "replicas")
        yield from _probe(spec, service, *at, "probes", "initial_delay_seconds")


def _models(request: DesiredRequest) -> Iterator[Finding]:
    """Two files under one name: each service would take the other's for a newer version of its own."""
    first: dict[str, Bundle] = {}
    for bundle in request.bundles.values():
        if bundle.model_path is None:
            continue
        other = first.setdefault(models.name_of(bundle), bundle)
        if other.model_hash != bundle.model_hash:
            message = f"{other.service} registers another model under the name {models.name_of(bundle)}"
            hint = "give the two models different names"
            yield _finding(
                request.spec, Level.ERROR, "SW2132", message, hint, "services", bundle.service, "model", "name"
            )


def _legacy(spec: Spec, *at: str) -> Finding:
    return _finding(
        spec,
        Level.WARNING,
        "SW2130",
        "the legacy InferenceConfig is built on mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04, "
        "whatever the framework needs, and enable_gpu alone asks for no GPU",
        "leave it out: the environment that scorewright renders names its image and asks for the GPU",
        *at,
    )


def _probe(spec: Spec, service: ServiceSpec, *at: str) -> Iterator[Finding]:
    weights = service.model.path
    if service.probes.initial_delay_seconds < 30 and weights is not None:
        message = (
            f"the liveness probe begins after {service.probes.initial_delay_seconds} s and kills the container if the "
            "model has not loaded by then"
        )
        yield _finding(spec, Level.WARNING, "SW2131", message, "Azure ML's default is 310", *at)


def _finding(spec: Spec, level: Level, code: str, message: str, hint: str, *at: str) -> Finding:
    return Finding(level, code, message, hint, ".".join(at), spec.origin.locate(*at))
