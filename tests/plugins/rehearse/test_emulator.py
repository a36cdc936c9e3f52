from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from tests.contract.client import Client

from scorewright.errors import DeploymentError
from scorewright_rehearse import Emulator
from scorewright_rehearse.image import has_server, image_key
from scorewright_rehearse.plane import Durations

if TYPE_CHECKING:
    from pathlib import Path


def test_process_is_led_here_and_back(azure: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSI_ENDPOINT", "http://elsewhere")
    monkeypatch.setenv("MINE", "1")
    before = dict(os.environ)
    with azure.applied(fast=True):
        assert os.environ["HTTPS_PROXY"] == os.environ["https_proxy"] == azure.proxy
        assert os.environ["AZUREML_DEFAULT_BACKOFF"] == "0"
        assert os.environ["MINE"] == "1"
        assert "MSI_ENDPOINT" not in os.environ
    assert dict(os.environ) == before


def test_nothing_is_left_of_a_temporary_world() -> None:
    with Emulator(stub=True) as azure:
        home = azure.environment()["HOME"]
        assert os.path.isdir(home)
    assert not os.path.exists(os.path.dirname(home))


def test_world_in_a_folder_goes_on_with_the_same_addresses(tmp_path: Path) -> None:
    with Emulator(stub=True, folder=tmp_path) as first:
        client = Client(first)
        client.create_cluster()
        client.register("digits", {"digits/a": b"1"})
        client.deploy(environmentImageRequest=client.image_request("", ("digits:1",)))
        keys, uri = client.keys(), client.service()["scoringUri"]
        client.close()
    with Emulator(stub=True, folder=tmp_path, answer=lambda service, body: [service, body.decode()]) as second:
        client = Client(second)
        assert client.keys() == keys
        assert client.service()["scoringUri"] == uri
        second.settled()
        assert client.score(body={"data": 1}).json() == ["mnist", '{"data":1}']
        client.close()


def test_files_with_keys_are_private(tmp_path: Path) -> None:
    with Emulator(stub=True, folder=tmp_path) as azure:
        client = Client(azure)
        client.create_cluster()
        client.close()
        modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("world.json", "hosts.pem")}
    assert modes == {"world.json": 0o600, "hosts.pem": 0o600}


def test_taken_port_and_unreadable_world_are_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(DeploymentError) as caught:
        Emulator(port=taken.getsockname()[1]).start()
    assert caught.value.code == "SW2303"
    (tmp_path / "world.json").write_text('{"services": "secret"}')
    with pytest.raises(DeploymentError, match="could not start") as caught:
        Emulator(folder=tmp_path).start()
    assert "secret" not in str(caught.value.cause)


def test_command_says_what_is_wrong() -> None:
    command = [sys.executable, "-m", "scorewright_rehearse", "--stub", "--fault", "typo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "SW2302" in done.stderr


def test_slow_roll_outs_pass_through_their_stages() -> None:
    with Emulator(stub=True, durations=Durations(build=0.3, pull=0.3)) as azure:
        client = Client(azure)
        client.create_cluster()
        created = client.deploy()
        seen, states = set(), set()
        operation = client.operation(created)
        while operation["state"] == "Running":
            seen.add(operation["operationDetails"]["subOperationType"])
            state = client.service()["state"]
            operation = client.operation(created)
            if operation["state"] == "Running":  # else it may have ended before the service was looked at
                states.add(state)
            time.sleep(0.02)
        client.close()
        assert seen == {"BuildImage", "DeployService"}
        assert states == {"Transitioning"}


def test_new_update_takes_the_place_of_an_unfinished_one() -> None:
    with Emulator(stub=True, durations=Durations(schedule=30)) as azure:
        client = Client(azure)
        client.create_cluster()
        created = client.deploy()
        azure._plane.durations = Durations()
        client.patch("mnist", numReplicas=1)
        assert client.operation(created)["state"] == "Cancelled"
        assert client.service()["state"] == "Healthy"
        client.close()


def test_image_depends_on_packages_not_on_variables() -> None:
    environment = {"name": "a", "version": "1", "environmentVariables": {"A": "1"}, "python": {"x": 1}}
    other = {"name": "b", "version": "2", "environmentVariables": {}, "python": {"x": 1}}
    assert image_key(environment) == image_key(other)
    assert image_key(environment) != image_key(other | {"python": {"x": 2}})


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"python": {"condaDependencies": {"dependencies": [{"pip": ["azureml-defaults>=1.0"]}]}}}, True),
        ({"python": {"condaDependencies": {"dependencies": ["azureml_inference_server_http=1.5"]}}}, True),
        ({"python": {"condaDependencies": {"dependencies": ["numpy", {"pip": ["azureml-core"]}]}}}, False),
        ({"python": {"userManagedDependencies": True}}, True),
        ({"docker": {"baseDockerfile": "FROM x"}}, True),
        ({}, False),
    ],
)
def test_server_comes_with_the_packages_or_with_the_users_own_image(
    environment: dict[str, object], expected: bool
) -> None:
    assert has_server(environment) is expected


def test_a_hundred_services_in_no_time(azure: Emulator, client: Client) -> None:
    client.create_cluster()
    request = client.image_request("")
    for number in range(100):
        client.deploy(f"service-{number}", environmentImageRequest=request)
    assert {service.state for service in azure.world.services.values()} == {"Healthy"}
    assert client.score("service-99").json() == [7]
