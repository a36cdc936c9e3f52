"""What azureml-core needs back, request by request."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.contract.client import MMS, Client

from scorewright_rehearse.plane import WORKSPACE_ID
from scorewright_rehearse.table import ROUTES

if TYPE_CHECKING:
    from scorewright_rehearse import Emulator

FILES = {"digits/a.bin": b"0123456789", "digits/sub/empty": b""}


def test_login_issues_a_token_that_names_tenant_and_expiry(client: Client) -> None:
    claims = json.loads(base64.urlsafe_b64decode(client.token.split(".")[1] + "=="))
    assert claims["tid"]
    assert claims["exp"] > claims["iat"]


def test_login_refuses_another_secret_client_or_tenant(client: Client) -> None:
    assert client.log_in(secret="wrong").json()["error"] == "invalid_client"
    assert client.log_in(secret="wrong").status_code == 401
    assert client.log_in(client="somebody").status_code == 400
    assert client.log_in(tenant="elsewhere").status_code == 400


def test_openid_document_points_to_the_token_endpoint(client: Client) -> None:
    document = client.call("GET", "login", "/some-tenant/v2.0/.well-known/openid-configuration").json()
    assert document["token_endpoint"] == "https://login.microsoftonline.com/some-tenant/oauth2/v2.0/token"
    assert client.call("GET", "login", "/common/discovery/instance").json()["metadata"]


def test_managed_identity_gets_a_token_over_plain_http(azure: Emulator, client: Client) -> None:
    uri = azure.environment(identity=True)["MSI_ENDPOINT"]
    asked = {"resource": "https://management.azure.com/"}
    answer = client.direct.post(uri, data=asked, headers={"Metadata": "true"}).json()
    assert answer["resource"] == "https://management.azure.com/"
    assert answer["access_token"].count(".") == 2
    assert client.direct.post(uri, data=asked).status_code == 400


def test_subscription_and_workspace(azure: Emulator, client: Client) -> None:
    listed = client.call("GET", "arm", "/subscriptions", params={"api-version": "2022-12-01"}).json()["value"]
    assert [entry["subscriptionId"] for entry in listed] == [azure.names.subscription_id]
    workspace = client.call("GET", "arm", "{WS}").json()
    assert workspace["properties"]["workspaceId"] == WORKSPACE_ID
    document = client.http.get(workspace["properties"]["discoveryUrl"]).json()
    assert set(document) >= {"api", "experimentation", "history", "hyperdrive", "modelmanagement", "studio"}


def test_another_workspace_is_404_with_an_error_body(azure: Emulator, client: Client) -> None:
    url = f"https://management.azure.com{azure.names.scope}x"
    answer = client.http.get(url, headers={"Authorization": f"Bearer {client.token}"})
    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"code", "message"}
    assert [request.path for request in azure.requests.unknown()] == [f"{azure.names.scope}x"]


def test_no_bearer_token_is_401(client: Client) -> None:
    assert client.call("GET", "arm", "{WS}", headers={"Authorization": ""}).status_code == 401


def test_resource_names_are_compared_without_case(azure: Emulator, client: Client) -> None:
    assert client.call("GET", "arm", azure.names.scope.replace("resourceGroups", "resourcegroups")).status_code == 200


def test_cluster_is_created_once_its_operation_says_so(client: Client) -> None:
    assert client.cluster().status_code == 404
    created = client.create_cluster(clusterPurpose="DenseProd")
    operation = client.http.get(
        created.headers["Azure-AsyncOperation"], headers={"Authorization": f"Bearer {client.token}"}
    )
    assert operation.json()["status"] == "Succeeded"
    properties = client.cluster().json()["properties"]
    assert properties["provisioningState"] == "Succeeded"
    assert not properties["isAttachedCompute"]
    needed = {"agentVmSize", "agentCount", "clusterPurpose", "clusterFqdn", "systemServices", "loadBalancerType"}
    assert set(properties["properties"]) >= needed | {"loadBalancerSubnet"}
    assert properties["properties"]["clusterPurpose"] == "DenseProd"
    listed = client.call("GET", "api", "/rp/workspaces{WS}/computes").json()
    assert [entry["name"] for entry in listed["value"]] == ["aks"]
    assert "nextLink" not in listed


def test_cluster_takes_its_time(azure: Emulator, client: Client) -> None:
    azure.fault("slow")
    created = client.create_cluster()
    assert client.cluster().json()["properties"]["provisioningState"] == "Creating"
    again = client.create_cluster()
    assert again.headers["Azure-AsyncOperation"] == created.headers["Azure-AsyncOperation"]
    assert client.create_cluster(agentCount=5).status_code == 409


def test_clusters_that_cannot_be_are_refused(client: Client) -> None:
    assert client.create_cluster("a-name-that-is-too-long").status_code == 400
    assert client.create_cluster(clusterPurpose="Foo").status_code == 400
    body = {"location": "eastus", "properties": {"computeType": "AmlCompute"}}
    assert client.call("PUT", "arm", "{WS}/computes/x1", body).status_code == 400
    assert client.cluster("x1").status_code == 404


def test_certificate_goes_in_and_never_comes_out(azure: Emulator, client: Client) -> None:
    tls = {"status": "Enabled", "cname": "ml.example.com", "cert": "hush", "key": "hush"}
    client.create_cluster(sslConfiguration=tls)
    found = client.cluster()
    assert found.json()["properties"]["properties"]["sslConfiguration"]["cname"] == "ml.example.com"
    assert "hush" not in found.text
    assert b"hush" not in azure.snapshot()
    assert azure.requests.one("computes.put").body["properties"]["properties"]["sslConfiguration"] == tls


def test_attached_cluster_keeps_its_resource_id(client: Client) -> None:
    id = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ContainerService/managedClusters/theirs"
    properties = {"computeType": "AKS", "resourceId": id, "properties": {"loadBalancerType": "PublicIp"}}
    client.call("PUT", "arm", "{WS}/computes/theirs", {"properties": properties}).raise_for_status()
    found = client.cluster("theirs").json()["properties"]
    assert found["isAttachedCompute"]
    assert found["resourceId"] == id


@pytest.mark.parametrize("action", ["delete", "detach"])
def test_cluster_goes(client: Client, action: str) -> None:
    client.create_cluster()
    gone = client.call("DELETE", "arm", "{WS}/computes/aks", params={"underlyingResourceAction": action})
    assert gone.status_code == 202
    assert gone.headers["Azure-AsyncOperation"].startswith("https://management.azure.com/")
    assert client.cluster().status_code == 404


def test_cluster_is_not_deleted_without_saying_how(client: Client) -> None:
    client.create_cluster()
    assert client.call("DELETE", "arm", "{WS}/computes/aks").status_code == 400


def test_model_gets_versions_newest_first(client: Client) -> None:
    first = client.register("digits", FILES, kvTags={"team": "ml"}).json()
    second = client.register("digits", FILES).json()
    assert (first["id"], second["id"]) == ("digits:1", "digits:2")
    assert second["datasets"] == []
    newest = client.call("GET", "models", MMS + "/models", params={"name": "digits", "count": 1}).json()["value"]
    assert [model["id"] for model in newest] == ["digits:2"]
    tagged = client.call("GET", "models", MMS + "/models", params={"tags": "team=ml"}).json()["value"]
    assert [model["id"] for model in tagged] == ["digits:1"]
    latest = client.call("GET", "models", MMS + "/models", params={"latestVersionOnly": "true"}).json()["value"]
    assert [model["id"] for model in latest] == ["digits:2"]
    assert client.call("GET", "models", MMS + "/models/digits%3A1").json()["kvTags"] == {"team": "ml"}


def test_missing_model_says_404_in_the_body_too(client: Client) -> None:
    answer = client.call("GET", "models", MMS + "/models/none%3A1")
    assert (answer.status_code, answer.json()["statusCode"]) == (404, 404)
    assert client.call("GET", "models", MMS + "/models", params={"name": "none"}).json() == {"value": []}


def test_model_can_be_changed_and_deleted_but_not_while_used(client: Client) -> None:
    client.create_cluster()
    client.register("digits", FILES)
    steps = [
        {"op": "replace", "path": "/kvTags", "value": {"a": "b"}},
        {"op": "add", "path": "/properties/k", "value": 1},
    ]
    changed = client.call("PATCH", "models", MMS + "/models/digits%3A1", steps).json()
    assert (changed["kvTags"], changed["properties"]) == ({"a": "b"}, {"k": 1})
    client.deploy(environmentImageRequest=client.image_request("", ("digits:1",)))
    assert client.call("DELETE", "models", MMS + "/models/digits%3A1").status_code == 412
    client.call("DELETE", "models", MMS + "/services/mnist")
    assert client.call("DELETE", "models", MMS + "/models/digits%3A1").status_code == 200
    assert client.register("digits", FILES).json()["id"] == "digits:2"


def test_model_of_no_asset_is_refused(client: Client) -> None:
    body = {"name": "digits", "url": "aml://asset/none"}
    assert client.call("POST", "models", MMS + "/models", body).status_code == 400


def test_at_most_fifty_files_at_once(client: Client) -> None:
    path = "/artifact/v2.0{WS}/artifacts/batch/metadata/LocalUpload/c1"
    many = {"paths": [{"path": f"f/{number}"} for number in range(51)]}
    assert client.call("POST", "api", path, many).status_code == 400


def test_files_of_a_model_are_found_and_read_in_ranges(client: Client) -> None:
    model = client.register("digits", FILES).json()
    asset = client.call("GET", "models", f"{MMS}/assets/{model['url'].removeprefix('aml://asset/')}").json()
    prefix = asset["artifacts"][0]["prefix"]
    found = client.call("GET", "api", f"/artifact/v2.0{{WS}}/artifacts/prefix/contentinfo/{prefix}").json()["value"]
    uris = {entry["path"]: entry["contentUri"] for entry in found}
    assert set(uris) == set(FILES)
    piece = client.http.get(uris["digits/a.bin"], headers={"x-ms-range": "bytes=2-4"})
    assert (piece.status_code, piece.content, piece.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert client.http.get(uris["digits/a.bin"]).content == b"0123456789"
    assert client.http.get(uris["digits/sub/empty"], headers={"Range": "bytes=0-99"}).status_code == 416
    head = client.http.head(uris["digits/a.bin"])
    assert head.headers["Content-Length"] == "10"
    assert head.headers["Content-MD5"] == base64.b64encode(hashlib.md5(b"0123456789").digest()).decode()


def test_big_files_come_in_blocks(azure: Emulator, client: Client) -> None:
    client.upload("c9", {"f": b""})
    uri = f"https://{azure.names.hosts['blobs']}/azureml/LocalUpload/c9/f"
    for id, piece in (("QQ==", b"one "), ("Qg==", b"two")):
        client.http.put(uri, params={"comp": "block", "blockid": id, "sig": "x"}, content=piece).raise_for_status()
    listed = b"<BlockList><Latest>QQ==</Latest><Latest>Qg==</Latest></BlockList>"
    client.http.put(uri, params={"comp": "blocklist", "sig": "x"}, content=listed).raise_for_status()
    assert client.http.get(uri, params={"sig": "x"}).content == b"one two"
    assert client.http.put(uri, params={"comp": "blocklist", "sig": "x"}, content=listed).status_code == 400


def test_blobs_refuse_damage_strangers_and_the_unknown(azure: Emulator, client: Client) -> None:
    uri = f"https://{azure.names.hosts['blobs']}/azureml/f"
    damaged = client.http.put(uri, params={"sig": "x"}, content=b"1", headers={"Content-MD5": "AAAA"})
    assert (damaged.status_code, damaged.headers["x-ms-error-code"]) == (400, "Md5Mismatch")
    assert client.http.put(uri, content=b"1").status_code == 403
    assert client.http.get(uri, params={"sig": "x"}).headers["x-ms-error-code"] == "BlobNotFound"


def test_environment_keeps_its_version_until_it_changes(client: Client) -> None:
    path = "/environment/v1.0{WS}/environments/env"
    definition = {"Name": "env", "python": {"condaDependencies": {}}, "EnvironmentVariables": {"A": "1"}}
    first = client.call("PUT", "api", path, definition).json()
    assert (first["name"], first["version"], first["environmentVariables"]) == ("env", "1", {"A": "1"})
    assert client.call("PUT", "api", path, definition).json()["version"] == "1"
    assert client.call("PUT", "api", path, definition | {"EnvironmentVariables": {}}).json()["version"] == "2"
    assert client.call("PUT", "api", path + "/versions/mine", definition).json()["version"] == "mine"
    assert client.call("GET", "api", path + "/versions/1").json() == first
    assert client.call("GET", "api", path).json()["version"] == "mine"
    assert client.call("GET", "api", path + "/versions/9").status_code == 404
    assert [entry["name"] for entry in client.call("GET", "api", path[:-3]).json()["value"]] == ["env"]


def test_service_answers_with_all_that_the_sdk_reads(client: Client) -> None:
    client.create_cluster()
    client.register("digits", FILES)
    request = client.image_request("", ("digits:1",))
    created = client.deploy(environmentImageRequest=request, kvTags={"team": "ml"}, keys={"primaryKey": "p" * 32})
    assert created.status_code == 202
    operation = client.operation(created)
    assert (operation["state"], operation["error"]) == ("Succeeded", None)
    service = client.service()
    needed = """name computeType createdTime description kvTags properties appInsightsEnabled authEnabled aadAuthEnabled
        computeName numReplicas scoringUri scoringTimeoutMs maxConcurrentRequestsPerContainer maxQueueWaitMs autoScaler
        containerResourceRequirements dataCollection livenessProbeRequirements"""
    assert set(service) >= set(needed.split())
    assert (service["state"], service["numReplicas"], service["kvTags"]) == ("Healthy", 3, {"team": "ml"})
    assert service["models"][0]["id"] == "digits:1"
    assert service["containerResourceRequirements"]["gpu"] == 1
    assert service["livenessProbeRequirements"]["initialDelaySeconds"] == 310
    assert not {"imageDetails", "keys", "error"} & set(service)
    assert client.keys()["primaryKey"] == "p" * 32


def test_service_without_replicas_scales_by_itself(client: Client) -> None:
    client.create_cluster()
    client.deploy(numReplicas=None)
    assert client.service()["autoScaler"]["autoscaleEnabled"]
    client.patch("mnist", numReplicas=2)
    assert not client.service()["autoScaler"]["autoscaleEnabled"]


def test_services_are_refused_without_cluster_model_or_environment(client: Client) -> None:
    assert client.deploy().json()["details"][0]["code"] == "ComputeNotFound"
    client.create_cluster()
    missing = client.deploy(environmentImageRequest=client.image_request("", ("none:1",)))
    assert missing.json()["details"][0]["code"] == "ModelNotFound"
    assert client.deploy(environmentImageRequest={"modelIds": []}).status_code == 400
    assert client.deploy(computeType="ACI").status_code == 400
    assert client.call("GET", "models", MMS + "/services").json() == {"value": []}


def test_name_that_is_taken(client: Client) -> None:
    client.create_cluster()
    path = MMS + "/services/validate/name/mnist"
    assert client.call("POST", "models", path, {}).json() == {}
    client.deploy()
    assert "already exists" in client.call("POST", "models", path, {}).json()["error"]["message"]
    taken = client.deploy()
    assert (taken.status_code, taken.json()["details"][0]["code"]) == (409, "ServiceExists")
    assert client.deploy(overwrite=True, numReplicas=1).status_code == 202
    assert client.service()["numReplicas"] == 1


def test_service_is_changed_by_json_patch(client: Client) -> None:
    client.create_cluster()
    client.deploy()
    changed = client.patch(
        "mnist", autoScaler__minReplicas=2, kvTags={"x": "y"}, properties__made="here", authEnabled=False
    )
    assert changed.status_code == 202
    service = client.service()
    assert service["autoScaler"]["minReplicas"] == 2
    assert (service["kvTags"], service["properties"]) == ({"x": "y"}, {"made": "here"})
    client.patch("mnist", authEnabled=False)
    assert not client.service()["authEnabled"]
    assert client.patch("none", numReplicas=1).status_code == 404


def test_services_are_listed_by_what_they_are(client: Client) -> None:
    client.create_cluster()
    client.deploy("one", kvTags={"team": "ml"})
    client.deploy("two")
    path = MMS + "/services"
    assert len(client.call("GET", "models", path, params={"computeType": "AKS"}).json()["value"]) == 2
    tagged = client.call("GET", "models", path, params={"tags": "team"}).json()["value"]
    assert [service["name"] for service in tagged] == ["one"]
    assert client.call("GET", "models", path, params={"modelName": "none"}).json() == {"value": []}


def test_keys_are_regenerated_one_at_a_time(client: Client) -> None:
    client.create_cluster()
    client.deploy()
    before = client.keys()
    path = MMS + "/services/mnist/regenerateKeys"
    done = client.call("POST", "models", path, {"keyType": "Primary", "keyValue": None})
    assert client.operation(done)["state"] == "Succeeded"
    after = client.keys()
    assert after["primaryKey"] != before["primaryKey"]
    assert after["secondaryKey"] == before["secondaryKey"]
    client.call("POST", "models", path, {"keyType": "Secondary", "keyValue": "mine"})
    assert client.keys()["secondaryKey"] == "mine"
    assert client.call("POST", "models", path, {"keyType": "Tertiary"}).status_code == 400


def test_token_is_for_services_with_token_authentication(client: Client) -> None:
    client.create_cluster()
    client.deploy()
    path = MMS + "/services/mnist/token"
    assert client.call("POST", "models", path).status_code == 400
    client.patch("mnist", authEnabled=False, aadAuthEnabled=True)
    token = client.call("POST", "models", path).json()
    assert token["tokenType"] == "Bearer"
    assert token["refreshAfter"] < token["expiryOn"]
    assert client.score(key=token["accessToken"]).json() == [7]


def test_service_goes_and_its_absence_is_no_error(client: Client) -> None:
    client.create_cluster()
    client.deploy()
    path = MMS + "/services/mnist"
    assert client.call("DELETE", "models", path).status_code == 200
    assert client.call("DELETE", "models", path).status_code == 204
    missing = client.call("GET", "models", path)
    assert (missing.status_code, missing.json()["statusCode"]) == (404, 404)
    assert client.call("POST", "models", path + "/listkeys").status_code == 404


def test_slow_deletion_is_an_operation(azure: Emulator, client: Client) -> None:
    client.create_cluster()
    client.deploy()
    azure.fault("slow")
    deleted = client.call("DELETE", "models", MMS + "/services/mnist")
    assert deleted.status_code == 202
    assert client.operation(deleted)["state"] == "Running"
    assert client.service()["state"] == "Deleting"


def test_services_on_a_deleted_cluster_stop(client: Client) -> None:
    client.create_cluster()
    client.deploy()
    client.call("DELETE", "arm", "{WS}/computes/aks", params={"underlyingResourceAction": "delete"})
    assert client.service()["state"] == "Failed"
    assert client.score().status_code == 503


def test_an_unknown_operation_is_404(client: Client) -> None:
    assert client.call("GET", "models", MMS + "/operations/none").status_code == 404
    path = "/subscriptions/s/providers/Microsoft.MachineLearningServices/locations/l/computeOperationsStatus/none"
    assert client.call("GET", "arm", path).status_code == 404


def test_a_body_that_is_no_json_is_400(client: Client) -> None:
    assert client.call("POST", "models", MMS + "/services", content=b"{").status_code == 400
    assert client.call("POST", "models", MMS + "/services", content=b"[]").status_code == 400


def test_hosts_that_are_not_emulated_are_refused_and_noted(azure: Emulator, client: Client) -> None:
    with pytest.raises(httpx.ProxyError, match="403"):
        client.http.get("https://example.com/secret")
    assert client.http.get("http://example.com/plain").status_code == 403
    assert [request.host for request in azure.requests.refused()] == ["example.com:443", "example.com"]


def test_every_route_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "rehearse.md").read_text()
    listed = re.findall(r"^\| `(\S+)` \| ([A-Z]+) (\w+) `(\S+)` \|$", text, re.MULTILINE)
    assert listed == [(route.action, route.method, route.host, route.path) for route in ROUTES]
