from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.contract.client import MMS, Client

from scorewright.errors import ScorewrightError
from scorewright_rehearse.catalogue import FAULTS, parse
from scorewright_rehearse.faults import Delay, Drop, Notify, Rule, answer

if TYPE_CHECKING:
    from scorewright_rehearse import Emulator

FILES = {"digits/a.bin": b"0123456789"}


def deployed(client: Client) -> tuple[str, str, list[str]]:
    """Deploy a service; the operation's state, the service's state, and the codes of the error's details."""
    client.create_cluster()
    operation = client.operation(client.deploy())
    details = (operation["error"] or {}).get("details", [])
    return operation["state"], client.service()["state"], [detail["code"] for detail in details]


@pytest.mark.parametrize(
    ("name", "state", "code"),
    [
        ("image-build", "Failed", "ImageBuildFailed"),
        ("image-pull", "Unhealthy", "ImagePullBackOff"),
        ("no-gpu", "Unschedulable", "Unschedulable"),
        ("init-crash", "Unhealthy", "CrashLoopBackOff"),
    ],
)
def test_roll_outs_fail_at_their_stage(azure: Emulator, client: Client, name: str, state: str, code: str) -> None:
    azure.fault(name)
    assert deployed(client) == ("Failed", state, [code])
    assert client.service()["error"]["details"][0]["code"] == code
    assert client.service()["scoringUri"] is None
    client.patch("mnist", environmentImageRequest=client.image_request("other"))
    assert client.service()["state"] == "Healthy"
    assert "error" not in client.service()


def test_deployment_times_out(azure: Emulator, client: Client) -> None:
    azure.fault("deploy-timeout")
    assert deployed(client) == ("TimedOut", "Unhealthy", [])
    assert client.service()["error"]["statusCode"] == 504


def test_failed_update_leaves_the_old_version_serving(azure: Emulator, client: Client) -> None:
    deployed(client)
    azure.fault("init-crash")
    azure.fault("image-build", skip=1)
    for state in ("Unhealthy", "Failed"):
        client.patch("mnist", environmentImageRequest=client.image_request("other"))
        assert client.service()["state"] == state
        assert client.score().json() == [7]


def test_updates_without_new_code_meet_no_roll_out_fault(azure: Emulator, client: Client) -> None:
    deployed(client)
    rule = azure.fault("init-crash")
    client.patch("mnist", numReplicas=1)
    assert client.service()["state"] == "Healthy"
    assert rule is not None
    assert rule.struck == 0


def test_build_log_can_be_read(azure: Emulator, client: Client) -> None:
    azure.fault("image-build")
    client.create_cluster()
    operation = client.operation(client.deploy())
    assert operation["operationDetails"]["subOperationType"] == "BuildImage"
    assert "ResolvePackageNotFound" in client.http.get(operation["operationLog"]).text


def test_crash_loop_comes_after_the_switch(azure: Emulator, client: Client) -> None:
    azure.fault("crash-loop")
    assert deployed(client) == ("Succeeded", "Unhealthy", [])
    assert client.score().status_code == 502
    assert "RuntimeError" in client.call("GET", "models", MMS + "/services/mnist/logs").json()["content"]


@pytest.mark.parametrize(("name", "code"), [("quota", "QuotaExceeded"), ("retired-size", "BadArgument")])
def test_cluster_fails(azure: Emulator, client: Client, name: str, code: str) -> None:
    azure.fault(name)
    created = client.create_cluster()
    authorization = {"Authorization": f"Bearer {client.token}"}
    operation = client.http.get(created.headers["Azure-AsyncOperation"], headers=authorization).json()
    assert (operation["status"], operation["error"]["code"]) == ("Failed", code)
    properties = client.cluster().json()["properties"]
    assert properties["provisioningState"] == "Failed"
    assert properties["provisioningErrors"][0]["error"]["code"] == code
    assert client.deploy().status_code == 400


def test_gpus_need_nodes_that_have_them(client: Client) -> None:
    client.create_cluster(vm_size="Standard_D3_v2")
    operation = client.operation(client.deploy())
    assert "3 Insufficient nvidia.com/gpu" in operation["error"]["details"][0]["message"]
    client.deploy("on-cpu", containerResourceRequirements={"cpu": 1})
    assert client.service("on-cpu")["state"] == "Healthy"


def test_name_is_taken_by_somebody_else(azure: Emulator, client: Client) -> None:
    client.create_cluster()
    azure.fault("name-taken")
    assert client.deploy(kvTags={"mine": "yes"}).status_code == 409
    assert client.service()["kvTags"] == {}


def test_credentials_and_workspace_are_refused(azure: Emulator, client: Client) -> None:
    client.create_cluster()
    for name in ("forbidden", "login-refused", "workspace-gone"):
        azure.fault(name)
    assert client.deploy().status_code == 403
    assert client.log_in().status_code == 401
    assert client.call("GET", "arm", "{WS}").status_code == 404


@pytest.mark.parametrize(("name", "statuses"), [("throttle", [429] * 3), ("http-500", [500]), ("http-503", [503])])
def test_requests_are_refused_for_a_while(azure: Emulator, client: Client, name: str, statuses: list[int]) -> None:
    azure.fault(name)
    assert client.cluster().status_code == 404  # reads pass
    found = [client.create_cluster().status_code for _ in range(4)]
    assert found == statuses + [201] + [200] * (3 - len(statuses))


def test_lost_answer_took_effect_and_dropped_request_did_not(azure: Emulator, client: Client) -> None:
    azure.fault("lost-answer:models")
    with pytest.raises(httpx.RemoteProtocolError):
        client.register("digits", FILES)
    assert [model.version for model in azure.world.models] == [1]
    azure.fault("drop:models.create")
    with pytest.raises(httpx.RemoteProtocolError):
        client.register("digits", FILES)
    assert [model.version for model in azure.world.models] == [1]
    assert [request.outcome for request in azure.requests.all("models.create")] == ["dropped", "dropped"]


def test_upload_is_cut_in_half(azure: Emulator, client: Client) -> None:
    azure.fault("upload-corrupt")
    client.register("digits", FILES)
    assert [blob.size for blob in azure.world.blobs.values()] == [5]


def test_front_end_is_busy(azure: Emulator, client: Client) -> None:
    deployed(client)
    azure.fault("busy", times=2)
    assert [client.score().status_code for _ in range(3)] == [503, 503, 200]


def test_silence_and_slowness_end_when_it_is_calm(azure: Emulator, client: Client) -> None:
    azure.rules.add(Rule(Delay(60), "computes.put"))
    body = {"properties": {"computeType": "AKS"}}
    with pytest.raises(httpx.ReadTimeout):
        client.http.put(
            f"https://management.azure.com{azure.names.scope}/computes/aks",
            json=body,
            headers={"Authorization": f"Bearer {client.token}"},
            timeout=0.2,
        )
    assert azure.fault("slow") is None
    client.create_cluster("slow")
    assert client.cluster("slow").json()["properties"]["provisioningState"] == "Creating"
    azure.calm()
    client.create_cluster("quick")
    assert client.cluster("quick").json()["properties"]["provisioningState"] == "Succeeded"


def test_one_request_is_struck_by_its_number(azure: Emulator, client: Client) -> None:
    azure.requests.clear()
    azure.rules.add(Rule(answer(429), number=2))
    assert [client.cluster().status_code for _ in range(3)] == [404, 429, 404]
    assert [request.number for request in azure.requests.all("computes.get")] == [1, 2, 3]


def test_rule_skips_and_repeats(azure: Emulator, client: Client) -> None:
    rule = azure.rules.add(Rule(answer(500), "computes", skip=1, times=2))
    assert [client.cluster().status_code for _ in range(4)] == [404, 500, 500, 404]
    assert rule.struck == 2


def test_somebody_is_told_before_and_after_a_request_acts(azure: Emulator, client: Client) -> None:
    seen: list[tuple[str, str | None]] = []

    def state() -> str | None:
        compute = azure._plane.world.computes.get("aks")  # in the emulator's own thread, where `world` would wait
        return compute.state if compute else None

    azure.rules.add(Rule(Notify(lambda request: seen.append(("before", state()))), "computes.put"))
    azure.rules.add(Rule(Notify(lambda request: seen.append(("after", state())), after=True), "computes.put"))
    azure.rules.add(Rule(Drop(after=True), "computes.put"))
    with pytest.raises(httpx.RemoteProtocolError):
        client.create_cluster()
    assert seen == [("before", None), ("after", "Succeeded")]


def test_unknown_fault_names_those_there_are() -> None:
    with pytest.raises(ScorewrightError) as caught:
        parse("no-such-fault")
    assert caught.value.code == "SW2302"
    assert "lost-answer" in caught.value.steps[0]


def test_every_fault_is_documented_and_no_other() -> None:
    page = (Path(__file__).parents[3] / "docs" / "rehearse.md").read_text()
    text = page.partition("\n## Faults\n")[2].partition("\n## ")[0]
    listed = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \|$", text, re.MULTILINE))
    assert listed == {fault.name: fault.summary for fault in FAULTS}
