"""What the SDK sends for every field of a deploy file, as the service receives it."""

from __future__ import annotations

import io
import json
import os
import ssl
import subprocess
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from ruamel.yaml import YAML
from tests.plugins.azureml.conftest import EXAMPLE, HEAD, SUBSCRIPTION, Azure
from tests.plugins.azureml.fields import leaves

from scorewright.spec.models import Cluster
from scorewright_azureml import cluster as clusters
from scorewright_azureml import connection
from scorewright_rehearse import world as worlds

if TYPE_CHECKING:
    from pathlib import Path

    from scorewright_rehearse import Emulator
    from scorewright_rehearse.recorder import RecordedRequest

MODEL = (
    f"    model: {{path: {EXAMPLE}/models/mnist.onnx, name: shared}}\n    framework: {{name: onnx, version: '1.31'}}\n"
)
SERVICES = f"""\
  full:
{MODEL}\
    gpu: require
    replicas: 3
    resources: {{cpu: 1.5, memory_gb: 3.5, gpus: 1}}
    auth: key
    timeout_ms: 4000
    max_concurrent_requests: 7
    probes: {{initial_delay_seconds: 60, period_seconds: 11, timeout_seconds: 4, success: 2, failure: 5}}
    app_insights: true
    tags: {{team: vision, stage: prod}}
    env: {{COLOUR: blue, EMPTY: ""}}
    packages: {{pip: ["humanize==4.9.0"], conda: ["libjpeg-turbo"]}}
    azureml:
      description: Reads digits
      namespace: vision
      cpu_limit: 2.5
      memory_limit_gb: 5.5
      max_queue_wait_ms: 750
      collect_model_data: true
      blobfuse: false
  scaled:
{MODEL}\
    gpu: 'off'
    autoscale: {{min: 2, max: 5, target_utilization: 60, refresh_seconds: 3}}
    auth: token
    batching: {{max_batch_size: 8}}
    azureml: {{blobfuse: true}}
  open:
{MODEL}\
    auth: none
    batching: false
  legacy:
{MODEL}\
    env: {{COLOUR: green}}
    azureml: {{legacy_inference_config: true}}
  registered:
    model: {{name: theirs, version: "4"}}
    framework: {{name: onnx, version: "1.31"}}
    inputs: {{x: {{dtype: float32, shape: [null, 784]}}}}
    outputs: {{scores: {{dtype: float32, shape: [null, 10]}}}}
"""
CREATED: list[tuple[str, str, object]] = [
    ("full", "computeType", "AKS"),
    ("full", "computeName", "aks-gpu"),
    ("full", "numReplicas", 3),
    ("full", "autoScaler.autoscaleEnabled", False),
    ("full", "containerResourceRequirements.cpu", 1.5),
    ("full", "containerResourceRequirements.cpuLimit", 2.5),
    ("full", "containerResourceRequirements.memoryInGB", 3.5),
    ("full", "containerResourceRequirements.memoryInGBLimit", 5.5),
    ("full", "containerResourceRequirements.gpu", 1),
    ("full", "maxConcurrentRequestsPerContainer", 7),
    ("full", "maxQueueWaitMs", 750),
    ("full", "scoringTimeoutMs", 4000),
    ("full", "namespace", "vision"),
    ("full", "description", "Reads digits"),
    ("full", "livenessProbeRequirements.initialDelaySeconds", 60),
    ("full", "livenessProbeRequirements.periodSeconds", 11),
    ("full", "livenessProbeRequirements.timeoutSeconds", 4),
    ("full", "livenessProbeRequirements.successThreshold", 2),
    ("full", "livenessProbeRequirements.failureThreshold", 5),
    ("full", "authEnabled", True),
    ("full", "aadAuthEnabled", False),
    ("full", "appInsightsEnabled", True),
    ("full", "dataCollection.storageEnabled", True),
    ("full", "storageInitEnabled", True),
    ("full", "keys.primaryKey", None),
    ("full", "kvTags.team", "vision"),
    ("full", "kvTags.stage", "prod"),
    ("full", "kvTags.scorewright", "service"),
    ("full", "environmentImageRequest.modelIds", ["shared:1"]),
    ("full", "environmentImageRequest.environment.environmentVariables.COLOUR", "blue"),
    ("full", "environmentImageRequest.environment.environmentVariables.EMPTY", ""),
    ("full", "environmentImageRequest.environment.environmentVariables.AZUREML_ENTRY_SCRIPT", "bundle/score.py"),
    ("full", "environmentImageRequest.environment.docker.baseDockerfile", None),
    ("full", "environmentImageRequest.environment.python.userManagedDependencies", False),
    ("scaled", "numReplicas", None),
    ("scaled", "autoScaler.autoscaleEnabled", True),
    ("scaled", "autoScaler.minReplicas", 2),
    ("scaled", "autoScaler.maxReplicas", 5),
    ("scaled", "autoScaler.targetUtilization", 60),
    ("scaled", "autoScaler.refreshPeriodInSeconds", 3),
    ("scaled", "containerResourceRequirements.gpu", 0),
    ("scaled", "authEnabled", False),
    ("scaled", "aadAuthEnabled", True),
    ("scaled", "storageInitEnabled", False),
    ("scaled", "maxConcurrentRequestsPerContainer", 16),
    ("open", "authEnabled", False),
    ("open", "aadAuthEnabled", False),
    ("open", "numReplicas", 1),
    ("open", "maxConcurrentRequestsPerContainer", 1),
    ("open", "maxQueueWaitMs", 500),
    ("open", "containerResourceRequirements.gpu", 1),
    ("open", "livenessProbeRequirements.initialDelaySeconds", 310),
    ("legacy", "environmentImageRequest.environment.name", "legacy-env"),
    ("legacy", "environmentImageRequest.environment.environmentVariables.COLOUR", "green"),
    ("legacy", "containerResourceRequirements.gpu", 1),
    ("registered", "environmentImageRequest.modelIds", ["theirs:4"]),
]
ABSENT = [("open", "storageInitEnabled"), ("full", "overwrite")]
CLUSTERS: list[tuple[str, str, dict[str, object]]] = [
    (
        "created",
        "vm_size: Standard_NC8as_T4_v3, node_count: 4, purpose: dense-prod, location: westeurope",
        {
            "properties.computeType": "AKS",
            "properties.computeLocation": "westeurope",
            "properties.properties.agentVmSize": "Standard_NC8as_T4_v3",
            "properties.properties.agentCount": 4,
            "properties.properties.clusterPurpose": "DenseProd",
            "tags.scorewright": "cluster",
        },
    ),
    (
        "for tests",
        "purpose: dev-test, node_count: 1",
        {"properties.properties.clusterPurpose": "DevTest", "properties.properties.agentCount": 1},
    ),
    (
        "with a name of Azure's",
        "tls: {leaf_domain_label: digits}",
        {
            "properties.properties.sslConfiguration.status": "Auto",
            "properties.properties.sslConfiguration.leafDomainLabel": "digits",
            "properties.properties.sslConfiguration.overwriteExistingDomain": True,
        },
    ),
    (
        "with a certificate",
        "tls: {cname: digits.example.com, cert_file: cert.pem, key_file: key.pem}",
        {
            "properties.properties.sslConfiguration.status": "Enabled",
            "properties.properties.sslConfiguration.cname": "digits.example.com",
            "properties.properties.sslConfiguration.cert": "the certificate",
            "properties.properties.sslConfiguration.key": "the private key",
        },
    ),
    (
        "in a network",
        "load_balancer: internal, load_balancer_subnet: inner, network: {vnet_name: net, vnet_resource_group: group,"
        " subnet_name: aks, service_cidr: 10.0.0.0/16, dns_service_ip: 10.0.0.10, docker_bridge_cidr: 172.17.0.1/16}",
        {
            "properties.properties.loadBalancerType": "InternalLoadBalancer",
            "properties.properties.loadBalancerSubnet": "inner",
            "properties.properties.aksNetworkingConfiguration.subnetId": f"/subscriptions/{SUBSCRIPTION}/resourceGroups"
            "/group/providers/Microsoft.Network/virtualNetworks/net/subnets/aks",
            "properties.properties.aksNetworkingConfiguration.serviceCidr": "10.0.0.0/16",
            "properties.properties.aksNetworkingConfiguration.dnsServiceIP": "10.0.0.10",
            "properties.properties.aksNetworkingConfiguration.dockerBridgeCidr": "172.17.0.1/16",
        },
    ),
    (
        "attached",
        f"attach: /subscriptions/{SUBSCRIPTION}/resourcegroups/theirs/providers/Microsoft.ContainerService"
        "/managedClusters/big, load_balancer: internal, load_balancer_subnet: inner, tls: {leaf_domain_label: digits}",
        {
            "properties.resourceId": f"/subscriptions/{SUBSCRIPTION}/resourcegroups/theirs/providers"
            "/Microsoft.ContainerService/managedClusters/big",
            "properties.properties.clusterPurpose": "FastProd",
            "properties.properties.loadBalancerType": "InternalLoadBalancer",
            "properties.properties.loadBalancerSubnet": "inner",
            "properties.properties.sslConfiguration.leafDomainLabel": "digits",
            "tags.scorewright": "cluster",
        },
    ),
]


def at(body: Any, path: str) -> object:  # noqa: ANN401 - JSON
    """What stands at a dotted path."""
    for key in path.split("."):
        body = body[key]
    return body


def theirs(world: worlds.World) -> None:
    """Register a model, as somebody else would."""
    body = {"id": "theirs:4", "name": "theirs", "version": 4, "kvTags": {}, "properties": {}, "url": "aml://asset/x"}
    empty = dict.fromkeys(("framework", "frameworkVersion", "description", "experimentName", "runId", "createdBy"))
    kept: dict[str, Any] = {
        **empty,
        "mimeType": "application/json",
        "datasets": [],
        "unpack": False,
        "createdTime": worlds.now(),
    }
    world.models.append(worlds.Model("theirs", 4, "x", kept | body))


@pytest.fixture(scope="module")
def sent(_stub: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """The requests of a deployment from a git work tree, beside a workspace's ``config.json``."""
    folder = tmp_path_factory.mktemp("tree")
    world, back = _stub.snapshot(), os.getcwd()
    for command in (["init"], ["remote", "add", "origin", "https://somebody:s3cr3t-token@git.example.com/repo.git"]):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
    names = {"subscription_id": SUBSCRIPTION, "resource_group": "rehearsal", "workspace_name": "rehearsal"}
    (folder / "config.json").write_text(json.dumps(names))
    azure = Azure(_stub, folder)
    _stub.change(theirs)
    _stub.requests.clear()
    connection.close()
    os.chdir(folder)  # the SDK's processes start in it
    head = "\n".join(line for line in HEAD.splitlines() if not line.startswith("workspace")) + "\n"
    try:
        with _stub.applied(fast=True):
            azure.up(azure.spec(SERVICES, head=head.replace("node_count: 6", "node_count: 20")))
            requests = _stub.requests.all()
            packed = packed_source(_stub, created(requests, "full"))
    finally:
        connection.close()
        os.chdir(back)
        _stub.restore(world)
        _stub.requests.clear()
    return Sent(requests, packed)


@dataclass
class Sent:
    """The requests of a deployment; ``packed``: the files in the archive of the service ``full``."""

    requests: list[RecordedRequest]
    packed: list[str]


def created(requests: list[RecordedRequest], service: str) -> Any:  # noqa: ANN401 - JSON
    """What was sent to create a service."""
    return next(one.body for one in requests if one.action == "services.create" and one.body["name"] == service)


def packed_source(azure: Emulator, body: Any) -> list[str]:  # noqa: ANN401 - JSON
    """The names in the archive that a service is made from, fetched from where the SDK put it."""
    (asset,) = (asset["url"] for asset in body["environmentImageRequest"]["assets"] if asset.get("unpack"))
    name = next(key for key in azure.world.blobs if key.endswith(asset.removeprefix("aml://artifact/")))
    put = next(request for request in azure.requests.all("blobs.put") if request.path.endswith(name))
    with httpx.Client(proxy=azure.proxy, verify=ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])) as http:
        content = http.get(f"https://{put.host}{put.path}", params=dict(put.query)).raise_for_status().content
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return archive.getnames()


@pytest.mark.parametrize(("service", "path", "value"), CREATED)
def test_a_field_reaches_the_service(sent: Sent, service: str, path: str, value: object) -> None:
    assert at(created(sent.requests, service), path) == value


@pytest.mark.parametrize(("service", "key"), ABSENT)
def test_what_nobody_said_is_not_sent(sent: Sent, service: str, key: str) -> None:
    assert key not in created(sent.requests, service)


def test_packages_and_image_are_those_of_the_bundle(sent: Sent) -> None:
    environment = created(sent.requests, "full")["environmentImageRequest"]["environment"]
    dependencies = environment["python"]["condaDependencies"]["dependencies"]
    assert "libjpeg-turbo" in dependencies
    assert "humanize==4.9.0" in dependencies[-1]["pip"]
    assert environment["docker"]["baseImage"].startswith("mcr.microsoft.com/")
    assert environment["name"].startswith("scorewright-")


def test_equal_environments_have_one_name_and_others_another(sent: Sent) -> None:
    names = {
        service: created(sent.requests, service)["environmentImageRequest"]["environment"]["name"]
        for service in ("full", "open", "registered")
    }
    assert names["full"] != names["open"]


def test_the_legacy_form_is_the_tutorials(sent: Sent) -> None:
    docker = created(sent.requests, "legacy")["environmentImageRequest"]["environment"]["docker"]
    assert docker["baseImage"].startswith("mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04")


def test_one_model_that_several_services_share_is_registered_once(sent: Sent) -> None:
    bodies = [request.body for request in sent.requests if request.action == "models.create"]
    shared = [body for body in bodies if body["name"] == "shared"]
    assert [(body["framework"], body["kvTags"]["scorewright"]) for body in shared] == [("Onnx", "model")]
    assert sorted(body["name"] for body in bodies if body["name"] != "shared") == [
        f"{service}.bundle" for service in ("full", "legacy", "open", "registered", "scaled")
    ]


def test_nothing_of_the_work_tree_or_of_the_sdks_examples_is_sent(sent: Sent) -> None:
    for request in sent.requests:
        body = json.dumps(request.body)
        found = [word for word in ("s3cr3t", "git.example", "EXAMPLE_ENV_VAR", "mlflow.source.git") if word in body]
        assert not found, str(request)


def test_only_the_bundle_is_packed(sent: Sent) -> None:
    assert "bundle/score.py" in sent.packed
    assert not [name for name in sent.packed if name.endswith(("config.json", "deploy.yaml")) or "/.git" in name]


UPDATED = """\
  full:
{model}\
    gpu: 'off'
    autoscale: {{min: 1, max: 4, target_utilization: 50, refresh_seconds: 2}}
    resources: {{cpu: 1, memory_gb: 2, gpus: 1}}
    auth: token
    timeout_ms: 5000
    max_concurrent_requests: 9
    probes: {{initial_delay_seconds: 0, period_seconds: 12, timeout_seconds: 5, success: 1, failure: 4}}
    tags: {{team: speech}}
    azureml: {{namespace: vision, blobfuse: false, max_queue_wait_ms: 800}}
"""
PATCHED: list[tuple[str, object]] = [
    ("/autoScaler/autoscaleEnabled", True),
    ("/autoScaler/minReplicas", 1),
    ("/autoScaler/maxReplicas", 4),
    ("/autoScaler/targetUtilization", 50),
    ("/autoScaler/refreshPeriodInSeconds", 2),
    ("/containerResourceRequirements/cpu", 1),
    ("/containerResourceRequirements/memoryInGB", 2),
    ("/containerResourceRequirements/gpu", 0),
    ("/containerResourceRequirements/cpuLimit", None),
    ("/containerResourceRequirements/memoryInGBLimit", None),
    ("/scoringTimeoutMs", 5000),
    ("/maxConcurrentRequestsPerContainer", 9),
    ("/maxQueueWaitMs", 800),
    ("/livenessProbeRequirements/initialDelaySeconds", 1),
    ("/livenessProbeRequirements/periodSeconds", 12),
    ("/livenessProbeRequirements/timeoutSeconds", 5),
    ("/livenessProbeRequirements/successThreshold", 1),
    ("/livenessProbeRequirements/failureThreshold", 4),
    ("/authEnabled", False),
    ("/aadAuthEnabled", True),
    ("/appInsightsEnabled", False),
    ("/dataCollection/storageEnabled", False),
    ("/description", None),
]


def test_every_field_can_be_changed_in_place(azure: Azure) -> None:
    full = SERVICES.partition("  scaled:")[0]
    azure.up(azure.spec(full, head=HEAD.replace("node_count: 6", "node_count: 8")))
    azure.emulator.requests.clear()
    spec = azure.spec(UPDATED.format(model=MODEL), head=HEAD.replace("node_count: 6", "node_count: 8"))
    azure.up(spec)
    steps = [step for request in azure.emulator.requests.all("services.update") for step in request.body]
    found = {step["path"]: step.get("value") for step in steps}
    assert {path: found.get(path, "not sent") for path, _ in PATCHED} == dict(PATCHED)
    assert found["/kvTags"]["team"] == "speech"
    assert "stage" not in found["/kvTags"]
    assert not azure.run.plan(spec).changed


@pytest.mark.parametrize(("name", "text", "expected"), CLUSTERS, ids=[name for name, _, _ in CLUSTERS])
def test_a_cluster_is_asked_for_as_the_file_says(
    azure: Azure, tmp_path: Path, name: str, text: str, expected: dict[str, object]
) -> None:
    (tmp_path / "cert.pem").write_text("the certificate")
    (tmp_path / "key.pem").write_text("the private key")
    lines = [f"cluster: {{name: aks-gpu, {text}}}" if "cluster:" in line else line for line in HEAD.splitlines()]
    spec = azure.spec(head="\n".join(lines) + "\n")
    clusters.ensure(connection.connect(spec), spec, azure.events.append)
    body = azure.emulator.requests.one("computes.put").body
    assert {path: at(body, path) for path in expected} == expected


def test_every_field_of_a_cluster_is_in_one_of_these() -> None:
    said: set[str] = {"name"}
    for _, text, _ in CLUSTERS:
        for key, value in YAML(typ="safe").load(f"{{{text}}}").items():
            said |= {f"{key}.{inner}" for inner in value} if isinstance(value, dict) else {key}
    assert set(leaves(Cluster)) == said


def test_attached_clusters_are_detached_and_others_deleted(azure: Azure) -> None:
    group = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/theirs/providers/Microsoft.ContainerService"
    attached = HEAD.replace("vm_size: Standard_NC4as_T4_v3, node_count: 6", f"attach: {group}/managedClusters/big")
    for head, action in ((attached, "detach"), (HEAD, "delete")):
        spec = azure.spec(head=head)
        clusters.ensure(connection.connect(spec), spec, azure.events.append)
        azure.emulator.requests.clear()
        azure.down(spec)
        assert azure.emulator.requests.one("computes.delete").query["underlyingResourceAction"] == action
