"""Every field of a service in the deploy file, one at a time: what is sent for it to create the service.

A field that is new in the deploy file fails the first test until it has a line here.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import ssl
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.plugins.azureml.conftest import EXAMPLE, HEAD, Azure
from tests.plugins.azureml.fields import leaves
from tests.plugins.azureml.test_payloads import created, theirs

from scorewright.errors import ApplyError
from scorewright.spec.models import ServiceSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright_rehearse import Emulator
    from scorewright_rehearse.recorder import RecordedRequest

MODELS = EXAMPLE / "models"
ONNX = {"model": {"path": f"{MODELS}/mnist.onnx", "name": "shared"}, "framework": {"name": "onnx", "version": "1.31"}}
FLOATS = {"inputs": {"x": {"shape": [None, 784]}}, "outputs": {"scores": {"shape": [None, 10]}}}
TORCH = {
    "model": {"path": f"{MODELS}/mnist-state-dict.pt", "module": f"{EXAMPLE}/net.py"},
    "framework": {"name": "pytorch", "version": "2.13"},
    **FLOATS,
}
CHECKPOINT = {
    "model": {"path": f"{MODELS}/checkpoint", "name": "tf-dnn-mnist"},
    "framework": {"name": "tensorflow", "version": "2.21"},
}
ENVIRONMENT = "environmentImageRequest.environment"
TOP = {"top_k": 3, "softmax": True}


@dataclass(frozen=True)
class Case:
    """``keys``: of the service, over ``base``. ``sent``: what is sent for them, by place: a path in the request that
    creates the service, or after ``config:`` in the score script's CONFIG, ``model:`` in the model's registration,
    ``file:`` an archived file, ``sample:`` the length of the golden request."""

    keys: dict[str, Any]
    sent: dict[str, object]
    base: dict[str, Any] = field(default_factory=lambda: ONNX)


def _azureml(**options: object) -> dict[str, Any]:
    return {"azureml": options}


FIELDS: dict[str, Case] = {
    "model.path": Case({}, {"model:framework": "Onnx", "config:model.file": "mnist.onnx"}),
    "model.name": Case({}, {"environmentImageRequest.modelIds": ["shared:1"], "config:model.name": "shared"}),
    "model.version": Case(
        {"model": {"name": "theirs", "version": "4"}, **FLOATS}, {"environmentImageRequest.modelIds": ["theirs:4"]}
    ),
    "model.module": Case({}, {"file:model_module/net.py": True, "config:load.module": "model_module/net.py"}, TORCH),
    "model.factory": Case(
        {"model": {**TORCH["model"], "factory": "Digits"}},  # type: ignore[dict-item]
        {"config:load.factory": "Digits"},
        TORCH,
    ),
    "framework.name": Case({}, {"config:framework": "pytorch"}, TORCH),
    "framework.version": Case({}, {"pip:torch==2.13": True}, TORCH),
    "framework.options": Case(
        {"framework": {**ONNX["framework"], "options": {"conv_search": "exhaustive"}}},
        {"config:options.conv_search": "exhaustive"},
    ),
    "gpu": Case({"gpu": "off"}, {"containerResourceRequirements.gpu": 0, "config:gpu": "off"}),
    "inputs.dtype": Case(
        {"inputs": {"x": {"dtype": "float64", "shape": [None, 784]}}},
        {"config:signature.inputs.0.dtype": "float64"},
        TORCH,
    ),
    "inputs.shape": Case({}, {"config:signature.inputs.0.shape": [None, 784]}, TORCH),
    "inputs.tensor": Case(
        {
            "inputs": {"x": {"shape": [None, 784], "tensor": "network/X:0"}},
            "outputs": {"scores": {"shape": [None, 10], "tensor": "network/output/MatMul:0"}},
        },
        {"config:signature.inputs.0.tensor": "network/X:0"},
        CHECKPOINT,
    ),
    "outputs.dtype": Case(
        {"outputs": {"scores": {"dtype": "float64", "shape": [None, 10]}}},
        {"config:signature.outputs.0.dtype": "float64"},
        TORCH,
    ),
    "outputs.shape": Case({}, {"config:signature.outputs.0.shape": [None, 10]}, TORCH),
    "outputs.tensor": Case(
        {
            "inputs": {"x": {"shape": [None, 784], "tensor": "network/X:0"}},
            "outputs": {"scores": {"shape": [None, 10], "tensor": "network/output/MatMul:0"}},
        },
        {"config:signature.outputs.0.tensor": "network/output/MatMul:0"},
        CHECKPOINT,
    ),
    "output": Case({"output": "argmax"}, {"config:output": "argmax"}),
    "output.top_k": Case({"output": TOP}, {"config:output.top_k": 3}),
    "output.labels": Case({"output": {**TOP, "labels": "labels.txt"}}, {"config:output.labels.9": "nine"}),
    "output.softmax": Case({"output": TOP}, {"config:output.softmax": True}),
    "image.size": Case({"image": {"size": [28, 28], "mode": "L"}}, {"config:image.size": [28, 28]}),
    "image.mode": Case({"image": {"size": [28, 28], "mode": "L"}}, {"config:image.mode": "L"}),
    "image.scale": Case({"image": {"size": [28, 28], "mode": "L", "scale": 0.5}}, {"config:image.scale": 0.5}),
    "image.mean": Case({"image": {"size": [28, 28], "mode": "L", "mean": 0.25}}, {"config:image.mean": 0.25}),
    "image.std": Case({"image": {"size": [28, 28], "mode": "L", "std": 0.75}}, {"config:image.std": 0.75}),
    "image.layout": Case({"image": {"size": [28, 28], "mode": "L", "layout": "flat"}}, {"config:image.layout": "flat"}),
    "handler": Case({"handler": "handler.py"}, {"file:handler.py": True, "config:handler": "handler.py"}),
    "batching.max_batch_size": Case(
        {"batching": {"max_batch_size": 8}},
        {"config:batching.max_batch_size": 8, "maxConcurrentRequestsPerContainer": 16},
    ),
    "batching.max_delay_ms": Case({"batching": {"max_delay_ms": 7}}, {"config:batching.max_delay_ms": 7}),
    "serving.lane": Case({"serving": {"lane": "stock"}}, {"config:lane": "stock"}),
    "replicas": Case({"replicas": 3}, {"numReplicas": 3, "autoScaler.autoscaleEnabled": False}),
    "autoscale.min": Case({"autoscale": {"min": 2}}, {"autoScaler.minReplicas": 2, "numReplicas": None}),
    "autoscale.max": Case({"autoscale": {"max": 4}}, {"autoScaler.maxReplicas": 4}),
    "autoscale.target_utilization": Case(
        {"autoscale": {"target_utilization": 55}}, {"autoScaler.targetUtilization": 55}
    ),
    "autoscale.refresh_seconds": Case({"autoscale": {"refresh_seconds": 9}}, {"autoScaler.refreshPeriodInSeconds": 9}),
    "resources.cpu": Case({"resources": {"cpu": 1.5}}, {"containerResourceRequirements.cpu": 1.5, "config:cpus": 1.5}),
    "resources.memory_gb": Case({"resources": {"memory_gb": 3.5}}, {"containerResourceRequirements.memoryInGB": 3.5}),
    "resources.gpus": Case({"resources": {"gpus": 1}}, {"containerResourceRequirements.gpu": 1}),
    "auth": Case({"auth": "token"}, {"authEnabled": False, "aadAuthEnabled": True}),
    "timeout_ms": Case({"timeout_ms": 4000}, {"scoringTimeoutMs": 4000, "config:timeout_ms": 4000}),
    "max_concurrent_requests": Case({"max_concurrent_requests": 7}, {"maxConcurrentRequestsPerContainer": 7}),
    "probes.initial_delay_seconds": Case(
        {"probes": {"initial_delay_seconds": 60}}, {"livenessProbeRequirements.initialDelaySeconds": 60}
    ),
    "probes.period_seconds": Case({"probes": {"period_seconds": 11}}, {"livenessProbeRequirements.periodSeconds": 11}),
    "probes.timeout_seconds": Case({"probes": {"timeout_seconds": 4}}, {"livenessProbeRequirements.timeoutSeconds": 4}),
    "probes.success": Case({"probes": {"success": 2}}, {"livenessProbeRequirements.successThreshold": 2}),
    "probes.failure": Case({"probes": {"failure": 5}}, {"livenessProbeRequirements.failureThreshold": 5}),
    "env": Case({"env": {"COLOUR": "blue"}}, {f"{ENVIRONMENT}.environmentVariables.COLOUR": "blue"}),
    "packages.pip": Case({"packages": {"pip": ["humanize==4.9.0"]}}, {"pip:humanize==4.9.0": True}),
    "packages.conda": Case({"packages": {"conda": ["libjpeg-turbo"]}}, {"conda:libjpeg-turbo": True}),
    "app_insights": Case({"app_insights": True}, {"appInsightsEnabled": True}),
    "tags": Case({"tags": {"team": "vision"}}, {"kvTags.team": "vision"}),
    "azureml.description": Case(_azureml(description="Reads digits"), {"description": "Reads digits"}),
    "azureml.namespace": Case(_azureml(namespace="vision"), {"namespace": "vision"}),
    "azureml.cpu_limit": Case(_azureml(cpu_limit=2.5), {"containerResourceRequirements.cpuLimit": 2.5}),
    "azureml.memory_limit_gb": Case(
        _azureml(memory_limit_gb=5.5), {"containerResourceRequirements.memoryInGBLimit": 5.5}
    ),
    "azureml.max_queue_wait_ms": Case(_azureml(max_queue_wait_ms=750), {"maxQueueWaitMs": 750}),
    "azureml.collect_model_data": Case(_azureml(collect_model_data=True), {"dataCollection.storageEnabled": True}),
    "azureml.blobfuse": Case(_azureml(blobfuse=False), {"storageInitEnabled": True}),
    "azureml.legacy_inference_config": Case(
        _azureml(legacy_inference_config=True), {f"{ENVIRONMENT}.name": "azureml-legacy-inference-config-env"}
    ),
    "sample.input": Case(
        {"sample": {"input": f"{EXAMPLE}/sample.json"}}, {"sample:": (EXAMPLE / "sample.json").stat().st_size}
    ),
}
ELSEWHERE = {
    "model.allow_pickle": "consent alone, tests/plugins/pytorch",
    "sample.expect": "compared with the answer, tests/core/test_golden.py",
    "azureml.candidate": "which requests are sent, test_versions.py",
}


def test_every_field_of_a_service_is_here() -> None:
    assert set(leaves(ServiceSpec)) == FIELDS.keys() | ELSEWHERE.keys()


def name_of(path: str) -> str:
    """The name of the service that has the field."""
    return path.replace(".", "-").replace("_", "-")


@dataclass(frozen=True)
class Sent:
    """Everything that was sent for the deploy file of all cases, and the archives that it names."""

    requests: list[RecordedRequest]
    scored: list[RecordedRequest]
    archives: dict[str, dict[str, bytes]]

    def at(self, path: str, place: str) -> object:
        """What was sent at a place for a field's service."""
        kind, _, inside = place.rpartition(":") if not place.startswith(("pip:", "conda:")) else place.partition(":")
        service = name_of(path)
        body = created(self.requests, service)
        files = self.archives[service]
        conda = body["environmentImageRequest"]["environment"]["python"]["condaDependencies"]["dependencies"]
        if kind == "config":
            return _at(_config(files["bundle/score.py"]), inside)
        if kind == "model":
            names = {model.partition(":")[0] for model in body["environmentImageRequest"]["modelIds"]}
            return _at(next(one.body for one in self.requests if _registers(one, names)), inside)
        if kind == "file":
            return f"bundle/{inside}" in files
        if kind == "pip":
            return any(str(line).startswith(inside) for line in conda[-1]["pip"])
        if kind == "conda":
            return inside in conda
        if kind == "sample":
            return next(one.body for one in self.scored if f"/{service}/" in one.path)
        return _at(body, inside)


def _registers(request: RecordedRequest, names: set[str]) -> bool:
    return request.action == "models.create" and request.body["name"] in names


def _at(value: Any, path: str) -> object:  # noqa: ANN401 - JSON
    for key in path.split("."):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def _config(script: bytes) -> Any:  # noqa: ANN401 - a literal
    for node in ast.parse(script).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "CONFIG":
            return ast.literal_eval(node.value)
    raise AssertionError("no CONFIG")


@pytest.fixture(scope="module")
def sent(_stub: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """One deploy file with a service for every field, deployed once."""
    folder = tmp_path_factory.mktemp("fields")
    (folder / "handler.py").write_text("def postprocess(outputs):\n    return outputs\n")
    (folder / "labels.txt").write_text("zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n")
    world, azure = _stub.snapshot(), Azure(_stub, folder)
    services = "".join(
        f"  {name_of(path)}: {json.dumps({**case.base, **case.keys})}\n" for path, case in FIELDS.items()
    )
    head = HEAD.replace("node_count: 6", "node_count: 400").replace("NC4as", "NC8as")
    _stub.change(theirs)
    _stub.requests.clear()
    _stub.scores.clear()
    with _stub.applied(fast=True):
        with contextlib.suppress(ApplyError):  # the stub's answer does not fit every service
            azure.up(azure.spec(services, head))
        requests = _stub.requests.all()
        yield Sent(requests, _stub.scores.all(), archives(_stub, requests))
    _stub.restore(world)
    _stub.requests.clear()


def archives(emulator: Emulator, requests: list[RecordedRequest]) -> dict[str, dict[str, bytes]]:
    """The files in the source archive of each service that was created."""
    put = [request for request in requests if request.action == "blobs.put"]
    found: dict[str, dict[str, bytes]] = {}
    authority = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    with httpx.Client(proxy=emulator.proxy, verify=authority) as http:
        for body in (request.body for request in requests if request.action == "services.create"):
            (url,) = (asset["url"] for asset in body["environmentImageRequest"]["assets"] if asset.get("unpack"))
            blob = next(one for one in put if one.path.endswith(url.removeprefix("aml://artifact/")))
            content = http.get(f"https://{blob.host}{blob.path}", params=dict(blob.query)).raise_for_status().content
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                files = {one.name: archive.extractfile(one) for one in archive.getmembers() if one.isfile()}
                found[body["name"]] = {name: file.read() for name, file in files.items() if file}
    return found


@pytest.mark.parametrize("path", FIELDS)
def test_a_field_is_sent(sent: Sent, path: str) -> None:
    expected = FIELDS[path].sent
    assert {place: sent.at(path, place) for place in expected} == expected
