"""Puts trained models on GPUs in Azure Machine Learning: checked, planned, proven and cleaned up.

    spec = scorewright.load("deploy.yaml")
    run = scorewright.Deployer(target="local")
    result = run.apply(run.plan(spec))
    result["mnist"].score({"data": rows})

Names load when first used, so that importing this package imports no framework, no SDK and little else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bundle import Bundle as Bundle
    from .bundle import render as render
    from .client import Answer as Answer
    from .client import ServiceClient as ServiceClient
    from .deployer import Deployer as Deployer
    from .errors import ApplyError as ApplyError
    from .errors import CheckError as CheckError
    from .errors import DeploymentError as DeploymentError
    from .errors import FindingsError as FindingsError
    from .errors import ModelError as ModelError
    from .errors import PluginError as PluginError
    from .errors import ScorewrightError as ScorewrightError
    from .errors import SpecError as SpecError
    from .events import Emit as Emit
    from .events import Event as Event
    from .field_changes import FieldChange as FieldChange
    from .findings import Finding as Finding
    from .findings import Json as Json
    from .findings import Level as Level
    from .findings import Location as Location
    from .framework import Detection as Detection
    from .framework import DetectRequest as DetectRequest
    from .framework import Framework as Framework
    from .framework import Inspection as Inspection
    from .framework import InspectRequest as InspectRequest
    from .framework import Option as Option
    from .framework import Requirement as Requirement
    from .framework import Resolution as Resolution
    from .framework import ResolveRequest as ResolveRequest
    from .framework import Script as Script
    from .framework import ScriptRequest as ScriptRequest
    from .hookspecs import hookimpl as hookimpl
    from .plan import Action as Action
    from .plan import Plan as Plan
    from .plan import Step as Step
    from .plugins import Plugin as Plugin
    from .plugins import PluginManager as PluginManager
    from .plugins import Problem as Problem
    from .results import DeployedService as DeployedService
    from .results import Report as Report
    from .results import Result as Result
    from .scripts import render_script as render_script
    from .signature import Signature as Signature
    from .signature import TensorSpec as TensorSpec
    from .spec import load as load
    from .spec.models import ServiceSpec as ServiceSpec
    from .spec.models import Spec as Spec
    from .target import ChangeRequest as ChangeRequest
    from .target import DeleteRequest as DeleteRequest
    from .target import DesiredRequest as DesiredRequest
    from .target import Endpoint as Endpoint
    from .target import Keys as Keys
    from .target import LiveResource as LiveResource
    from .target import Resource as Resource
    from .target import ServiceRequest as ServiceRequest
    from .target import Target as Target
    from .target import TargetRequest as TargetRequest
    from .target import Verify as Verify

__version__ = "0.1.0"

_PUBLIC = {
    "bundle": "Bundle render",
    "client": "Answer ServiceClient",
    "deployer": "Deployer",
    "errors": "ApplyError CheckError DeploymentError FindingsError ModelError PluginError ScorewrightError SpecError",
    "events": "Emit Event",
    "field_changes": "FieldChange",
    "findings": "Finding Json Level Location",
    "framework": "Detection DetectRequest Framework Inspection InspectRequest Option Requirement Resolution "
    "ResolveRequest Script ScriptRequest",
    "hookspecs": "hookimpl",
    "plan": "Action Plan Step",
    "plugins": "Plugin PluginManager Problem",
    "results": "DeployedService Report Result",
    "scripts": "render_script",
    "signature": "Signature TensorSpec",
    "spec": "load",
    "spec.models": "ServiceSpec Spec",
    "target": "ChangeRequest DeleteRequest DesiredRequest Endpoint Keys LiveResource Resource ServiceRequest Target "
    "TargetRequest Verify",
}
_HOMES = {name: module for module, names in _PUBLIC.items() for name in names.split()}

__all__ = [*sorted(_HOMES)]  # noqa: PLE0604 - the names are strings; a test holds them against the imports above


def __getattr__(name: str) -> object:
    """A public name, loaded when it is first used and kept."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Every public name, loaded or not."""
    return sorted({*globals(), *_HOMES})
