"""The faults that have names: what goes wrong in the field, as data.

The codes and the shape of each error are those that people have posted; where, is in the comment beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.errors import ScorewrightError

from .exchange import Reply, service_error
from .faults import FOREVER, Answer, Corrupt, Delay, Drop, Fault, Meet, Prepare, answer
from .plane import SLOW
from .world import Failure, Service, new_id, now

if TYPE_CHECKING:
    from .exchange import Call
    from .plane import Plane
    from .world import JsonObject, World


_THEIRS = "theirs"


def _occupy(plane: Plane, call: Call) -> None:
    """Somebody else has just taken the name that is asked for."""
    name = str(call.json().get("name"))
    foreign: JsonObject = {"name": name, "computeType": "AKS", "computeName": _THEIRS, "kvTags": {}, "properties": {}}
    plane.world.services.setdefault(
        name, Service(name, foreign, new_id(), new_id(), now(), now(), operation="", state="Healthy")
    )


def free_names(world: World) -> None:
    """Take away what the fault ``name-taken`` put there."""
    world.services = {name: one for name, one in world.services.items() if one.settings["computeName"] != _THEIRS}


def _cluster(code: str, message: str) -> Meet:
    return Meet(Failure("cluster", "Failed", {"code": code, "message": message}))


def _service(stage: str, state: str, code: str, message: str, detail: tuple[str, str], log: str = "") -> Meet:
    return Meet(Failure(stage, state, service_error(code, 400, message, detail), log))


_TIMEOUT = service_error(
    "DeploymentTimedOut", 504, "The deployment operation polling has TimedOut. The service creation is taking longer."
)
_BUILD_LOG = """Step 7/15 : RUN conda env create -f environment.yml
Collecting package metadata: done
Solving environment: failed
ResolvePackageNotFound:
  - no-such-package==9.9.9
The command '/bin/sh -c conda env create -f environment.yml' returned a non-zero code: 1
"""
_INIT_LOG = """Invoking user's init function
User's init function failed
Encountered Exception Traceback (most recent call last):
  File "/var/azureml-app/service/score.py", line 12, in init
    raise RuntimeError("injected by the rehearsal: init() failed")
RuntimeError: injected by the rehearsal: init() failed
Worker exiting (pid: 31)
Reason: Worker failed to boot. Exit code 3
"""

_NO_ROLE = (
    "The client 'rehearsal' with object id 'rehearsal' does not have authorization to perform action "
    "'Microsoft.MachineLearningServices/workspaces/services/aks/write' over scope '/subscriptions/rehearsal'."
)
_NO_SIZE = "The VM size of AgentPoolProfile:agentpool is not allowed in your subscription in location 'eastus'."
_NO_CORES = (
    "Operation could not be completed as it results in exceeding approved Total Regional Cores quota. "
    "Current Limit: 10, Current Usage: 8, Additional Required: 12."
)

FAULTS = (
    # github.com/Azure/azureml-sdk-for-r/issues/267
    Fault("quota", "the cluster asks for more cores than the region's quota has", "computes.put",
          _cluster("QuotaExceeded", _NO_CORES)),
    # github.com/Azure/MachineLearningNotebooks/issues/1675, github.com/dotnet/core/issues/8000
    Fault("retired-size", "the cluster's VM size is no longer offered", "computes.put",
          _cluster("BadArgument", _NO_SIZE)),
    Fault("image-build", "conda cannot solve the environment, the image is not built", "services.rollout",
          _service("build", "Failed", "EnvironmentBuildFailed", "The image build failed.",
                   ("ImageBuildFailed", "conda env create returned a non-zero code: 1"), _BUILD_LOG)),
    Fault("image-pull", "the nodes cannot pull the image", "services.rollout",
          _service("pull", "Unhealthy", "KubernetesError", "Kubernetes deployment failed.",
                   ("ImagePullBackOff", 'Back-off pulling image "rehearsal.azurecr.io/azureml/service:1".'))),
    # github.com/Azure/MachineLearningNotebooks/issues/487 and /832
    Fault("no-gpu", "no node has a free GPU", "services.rollout",
          _service("schedule", "Unschedulable", "KubernetesError", "Kubernetes deployment failed.",
                   ("Unschedulable", "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."))),
    # github.com/microsoft/PowerApps-Samples/issues/256
    Fault("init-crash", "init() raises, the container never comes up", "services.rollout",
          _service("init", "Unhealthy", "AksDeploymentFailed", "Service deployment failed.",
                   ("CrashLoopBackOff", "The container application crashed; see its log."), _INIT_LOG)),
    Fault("crash-loop", "the service starts, then crashes whenever it is called", "services.rollout",
          _service("serve", "Unhealthy", "AksDeploymentFailed", "The service is not healthy.",
                   ("CrashLoopBackOff", "The container application crashed; see its log."), _INIT_LOG)),
    # github.com/Azure/MachineLearningNotebooks/issues/1767
    Fault("deploy-timeout", "the deployment never becomes ready and times out", "services.rollout",
          Meet(Failure("init", "Unhealthy", _TIMEOUT, operation="TimedOut"))),
    Fault("name-taken", "somebody else takes the service's name first", "services.create", Prepare(_occupy)),
    # github.com/MicrosoftDocs/pipelines-azureml/issues/27
    Fault("forbidden", "the credentials may not create services", "services.create", answer(403, message=_NO_ROLE)),
    Fault("login-refused", "the login service refuses the credentials", "login.token",
          Answer(Reply(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."})),
          times=FOREVER),
    Fault("workspace-gone", "the workspace does not exist", "workspace.get",
          Answer(Reply(404, {"error": {"code": "ResourceNotFound", "message": "The workspace was not found."}})),
          times=FOREVER),
    Fault("throttle", "three requests in a row are answered 429", "", answer(429), writes=True, times=3),
    Fault("http-500", "one request is answered 500", "", answer(500), writes=True),
    Fault("http-503", "one request is answered 503", "", answer(503), writes=True),
    Fault("drop", "one request is lost on its way", "", Drop(), writes=True),
    Fault("lost-answer", "one request takes effect and its answer is lost", "", Drop(after=True), writes=True),
    Fault("silent", "one request is never answered", "", Delay(FOREVER), writes=True),
    Fault("upload-corrupt", "an uploaded file is stored cut in half", "blobs.put", Corrupt()),
    Fault("busy", "the scoring front end is out of capacity for ten requests", "scoring.score", answer(503), times=10),
    Fault("slow", "clusters, builds and roll-outs take seconds instead of no time", durations=SLOW),
)  # fmt: skip


def parse(text: str) -> tuple[Fault, str]:
    """The fault and the target of ``NAME`` or ``NAME:TARGET``. Raises `ScorewrightError` (SW2302) if there is none."""
    name, _, target = text.partition(":")
    for fault in FAULTS:
        if fault.name == name:
            return fault, target
    raise ScorewrightError(
        "SW2302",
        f"there is no fault named {name!r}",
        steps=[f"use one of: {', '.join(fault.name for fault in FAULTS)}"],
    )
