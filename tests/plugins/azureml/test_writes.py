"""Every write of a service's whole life, in its order, with what it carries beside the fields of the deploy file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.plugins.azureml.conftest import HEAD, ONNX, SUBSCRIPTION, Azure

from scorewright.bundle_parts import from_text
from scorewright_azureml import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright_rehearse import Emulator
    from scorewright_rehearse.recorder import RecordedRequest

PROJECT = HEAD.replace("workspace", "project: tutorial\nworkspace", 1)
WORKSPACE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rehearsal/providers/Microsoft.MachineLearningServices/workspaces"
    "/rehearsal"
)
UPLOAD = ["artifacts.reserve", "blobs.put"]
REGISTRATION = [*UPLOAD, "assets.create", "models.create"]
SOURCE = [*UPLOAD, *UPLOAD]
"""The SDK's own driver, and the archive of the bundle."""


@dataclass(frozen=True)
class Life:
    """The writes of each part of a service's life; ``bundles``: the hashes of its two versions."""

    parts: dict[str, list[RecordedRequest]]
    bundles: tuple[str, str]

    def one(self, part: str, action: str, number: int = 0) -> Any:  # noqa: ANN401 - JSON
        return [request for request in self.parts[part] if request.action == action][number].body

    def patch(self, part: str, number: int = 0) -> dict[str, Any]:
        return {step["path"]: step["value"] for step in self.one(part, "services.update", number)}


@pytest.fixture(scope="module")
def life(_stub: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A service that is made, updated, rolled back, given a new key, and deleted with its cluster."""
    azure, world, parts = Azure(_stub, tmp_path_factory.mktemp("life")), _stub.snapshot(), {}

    def note(part: str) -> None:
        parts[part] = [one for one in _stub.requests.writes() if one.action != "services.validate"]
        _stub.requests.clear()

    with _stub.applied(fast=True):
        _stub.requests.clear()
        first = azure.spec(head=PROJECT)
        bundles = [azure.run.plan(first).bundles["digits"].hash]
        azure.up(first)
        note("up")
        second = azure.spec(ONNX + "    output: argmax\n", head=PROJECT)
        bundles.append(azure.run.plan(second).bundles["digits"].hash)
        azure.up(second)
        note("new version")
        azure.run.rollback(first, "digits")
        note("rollback")
        azure.run.regenerate_key(first, "digits", "secondary")
        note("key")
        azure.down(first)
        note("down")
        yield Life(parts, (bundles[0], bundles[1]))
    connection.close()
    _stub.restore(world)


def test_nothing_is_written_but_this(life: Life) -> None:
    written = {part: [request.action for request in requests] for part, requests in life.parts.items()}
    cluster_and_model = written["up"][: 1 + len(REGISTRATION)]  # side by side
    assert sorted(cluster_and_model) == sorted(["computes.put", *REGISTRATION])
    assert written == {
        "up": [*cluster_and_model, *REGISTRATION, *SOURCE, "services.create", "services.update"],
        "new version": [
            *REGISTRATION,
            *(*SOURCE, "services.create", "services.delete"),
            *(*SOURCE, "services.update", "services.update"),
        ],
        "rollback": [*SOURCE, "services.update", "services.update"],
        "key": ["services.regenerate"],
        "down": ["services.delete", "models.delete", "models.delete", "models.delete", "computes.delete"],
    }


def test_everything_goes_to_the_workspace_of_the_file(life: Life) -> None:
    for request in (one for part in life.parts.values() for one in part if one.action != "blobs.put"):
        assert WORKSPACE in request.path, str(request)


def test_the_cluster_is_asked_for_with_our_tags_and_no_more(life: Life) -> None:
    assert life.one("up", "computes.put") == {
        "location": "eastus",
        "properties": {
            "computeType": "AKS",
            "properties": {"agentCount": 6, "agentVmSize": "Standard_NC4as_T4_v3", "clusterPurpose": "FastProd"},
        },
        "tags": {"scorewright": "cluster", "scorewright-project": "tutorial"},
    }


def test_a_model_is_registered_with_its_hash_framework_and_project(life: Life) -> None:
    body = dict(life.one("up", "models.create"))
    assert re.fullmatch(r"aml://asset/[-0-9a-f]{36}", body.pop("url"))
    assert re.fullmatch(r"[0-9a-f]{64}", body["kvTags"].pop("scorewright-hash"))
    assert body == {
        "name": "digits",
        "framework": "Onnx",
        "mimeType": "application/json",
        "unpack": False,
        "datasets": [],
        "kvTags": {"scorewright": "model", "scorewright-service": "digits", "scorewright-project": "tutorial"},
    }
    assert life.one("up", "artifacts.reserve") == {"paths": [{"path": "mnist.onnx"}]}
    assert life.one("up", "assets.create")["artifacts"][0]["prefix"].endswith("/mnist.onnx")


@pytest.mark.parametrize(("part", "number", "version"), [("up", 1, 0), ("new version", 0, 1)])
def test_a_bundle_is_registered_with_its_hash(life: Life, part: str, number: int, version: int) -> None:
    body = life.one(part, "models.create", number)
    assert (body["name"], body.get("framework")) == ("digits.bundle", None)
    marks = dict(body["kvTags"])
    assert set(from_text(marks.pop("scorewright-parts"))) >= {"score.py", "scorewright_runtime", "conda.yml", "model"}
    assert marks == {
        "scorewright": "bundle",
        "scorewright-hash": life.bundles[version],
        "scorewright-service": "digits",
        "scorewright-project": "tutorial",
    }


def marks(life: Life, version: int, **more: str) -> dict[str, str]:
    """The tags of the service with one of its versions."""
    return {
        "scorewright": "service",
        "scorewright-project": "tutorial",
        "scorewright-service": "digits",
        "scorewright-hash": life.bundles[version],
        "scorewright-bundle": f"digits.bundle:{version + 1}",
        **{f"scorewright-{key}": value for key, value in more.items()},
    }


def test_a_first_version_is_unproven_until_it_has_answered(life: Life) -> None:
    assert life.one("up", "services.create")["kvTags"] == marks(life, 0)
    assert life.patch("up") == {"/kvTags": marks(life, 0, proven=life.bundles[0])}


def test_a_candidate_belongs_to_its_service_and_has_one_replica(life: Life) -> None:
    body = life.one("new version", "services.create")
    assert (body["name"], body["numReplicas"]) == ("digits-next", 1)
    assert body["kvTags"] == {
        "scorewright": "candidate",
        "scorewright-project": "tutorial",
        "scorewright-service": "digits",
        "scorewright-hash": life.bundles[1],
    }
    deleted = next(one for one in life.parts["new version"] if one.action == "services.delete")
    assert deleted.path == f"/modelmanagement/v1.0{WORKSPACE}/services/digits-next"


@pytest.mark.parametrize(("part", "version", "before"), [("new version", 1, 0), ("rollback", 0, 1)])
def test_an_update_carries_the_code_and_then_the_proof(life: Life, part: str, version: int, before: int) -> None:
    changed, proven = life.patch(part, 0), life.patch(part, 1)
    image = changed["/environmentImageRequest"]
    assert image["modelIds"] == ["digits:1"]
    assert [bool(asset.get("unpack")) for asset in image["assets"]] == [False, True]
    assert image["environment"]["name"].startswith("scorewright-")
    before_text = f"digits.bundle:{before + 1} digits:1"
    began = {"rollback": "begun"} if part == "rollback" else {}
    assert changed["/kvTags"] == marks(life, version, before=before_text, **began)
    assert proven == {"/kvTags": marks(life, version, before=before_text, proven=life.bundles[version])}


def test_one_key_is_made_anew_by_the_service_itself(life: Life) -> None:
    assert life.one("key", "services.regenerate") == {"keyType": "Secondary", "keyValue": None}


def test_all_that_was_made_is_deleted_by_name(life: Life) -> None:
    paths = [
        request.path.removeprefix("/modelmanagement/v1.0").removeprefix(WORKSPACE) for request in life.parts["down"]
    ]
    bundles = ["/models/digits.bundle%3A2", "/models/digits.bundle%3A1"]
    assert paths == ["/services/digits", *bundles, "/models/digits%3A1", "/computes/aks-gpu"]
    assert life.parts["down"][-1].query["underlyingResourceAction"] == "delete"
