"""Deployments that really run: the uploaded code in the real inference server, one version after the other."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.contract.client import ECHO, MMS, Client

from scorewright_rehearse import Emulator
from scorewright_rehearse.emulator import DEFAULT_SUBSCRIPTION
from scorewright_rehearse.plane import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from scorewright_rehearse.world import JsonObject

LAYOUT = """import json, os, sys
from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse
def init():
    print("init done, the process is", os.getpid())
@rawhttp
def run(request):
    root = os.environ["AML_APP_ROOT"]
    found = sorted(os.path.relpath(os.path.join(p, f), root) for p, _, fs in os.walk(root) for f in fs)
    seen = {"files": found, "cwd": os.getcwd() == root, "authorization": request.headers.get("Authorization")}
    seen |= {"model_dir": os.path.relpath(os.environ["AZUREML_MODEL_DIR"], root), "variables": dict(os.environ)}
    reply = AMLResponse(json.dumps(seen), 200)
    reply.headers["x-answered-by"] = "score.py"
    return reply
"""
CRASH = "def init():\n    raise RuntimeError('no such thing')\ndef run(data):\n    return 1\n"
DIES = """import os, signal
def init(): pass
def run(data):
    print("last words", flush=True)
    os.killpg(os.getpgid(0), signal.SIGKILL)
"""
SLOW_RUN = "import time\ndef init(): pass\ndef run(data):\n    time.sleep(5)\n    return 1\n"


@pytest.fixture
def azure() -> Iterator[Emulator]:
    """An emulator that runs containers."""
    with Emulator(deadline=60) as emulator:
        yield emulator


@pytest.fixture
def running(client: Client) -> Client:
    """A client of it, with a cluster."""
    client.create_cluster()
    return client


def answer(value: int) -> str:
    return ECHO.replace("ANSWER", str(value))


def roll(azure: Emulator, client: Client, script: str) -> JsonObject:
    """Update the service to another score.py; returns the operation's end."""
    response = client.patch("mnist", environmentImageRequest=client.image_request(script))
    azure.settled()
    return client.operation(response)


def test_code_and_models_lie_where_azure_puts_them(
    azure: Emulator, running: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "1")
    running.register("digits", {"net/a.bin": b"1", "net/sub/b.bin": b"2"})
    running.register("digits", {"net/a.bin": b"3"}, container="c2")
    request = running.image_request(LAYOUT, ("digits:2",), variables={"MINE": "yes"})
    running.deploy(environmentImageRequest=request, scoringTimeoutMs=9000)
    azure.settled()
    assert running.service()["state"] == "Healthy"
    reply = running.score()
    assert reply.headers["x-answered-by"] == "score.py"
    seen = reply.json()
    assert {"source/score.py", "driver.py", "azureml-models/digits/2/net/a.bin"} <= set(seen["files"])
    assert seen["cwd"]
    assert seen["model_dir"] == "azureml-models/digits/2"
    variables = seen["variables"]
    assert (variables["MINE"], variables["SCOREWRIGHT_REHEARSAL"]) == ("yes", "1")
    assert (variables["SERVICE_NAME"], variables["SCORING_TIMEOUT_MS"]) == ("mnist", "9000")
    assert not {"SECRET_OF_THE_SHELL", "HTTPS_PROXY"} & set(variables)
    assert seen["authorization"] is None
    logs = running.call("GET", "models", MMS + "/services/mnist/logs", params={"tail": 5000, "init": "False"}).json()
    assert "init done, the process is" in logs["content"]


def test_callers_notice_neither_a_new_version_nor_a_failing_one(azure: Emulator, running: Client) -> None:
    running.deploy(script=answer(1))
    azure.settled()
    key, answers, over = running.keys()["primaryKey"], [], threading.Event()

    def keep_calling() -> None:
        while not over.is_set():
            reply = running.score(key=key)
            answers.append((reply.status_code, reply.json().get("answer")))

    caller = threading.Thread(target=keep_calling)
    caller.start()
    try:
        failed = roll(azure, running, CRASH)
        broken = running.service()
        rolled = roll(azure, running, answer(2))
        last = running.score(key=key).json()["answer"]
    finally:
        over.set()
        caller.join()
    assert failed["state"] == "Failed"
    assert failed["error"]["details"][0]["code"] == "CrashLoopBackOff"
    assert (broken["state"], broken["error"]) == ("Unhealthy", failed["error"])
    assert broken["scoringUri"]
    assert (rolled["state"], running.service()["state"], last) == ("Succeeded", "Healthy", 2)
    assert {status for status, _ in answers} == {200}
    assert [value for value, after in itertools.pairwise(answers) if value != after] == [(200, 1)]


def test_container_that_dies_is_noticed(azure: Emulator, running: Client) -> None:
    running.deploy(script=DIES)
    azure.settled()
    assert running.service()["state"] == "Healthy"
    assert running.score().status_code == 502
    until(lambda: running.service()["state"] == "Unhealthy")
    assert running.service()["error"]["details"][0]["code"] == "CrashLoopBackOff"
    assert "last words" in running.call("GET", "models", MMS + "/services/mnist/logs").json()["content"]


def test_log_of_a_crash_is_kept(azure: Emulator, running: Client) -> None:
    created = running.deploy(script=CRASH)
    azure.settled()
    assert running.operation(created)["state"] == "Failed"
    assert running.service()["scoringUri"] is None
    logs = running.call("GET", "models", MMS + "/services/mnist/logs").json()["content"]
    assert "RuntimeError: no such thing" in logs
    assert running.score().status_code == 503


def test_image_without_a_server_never_comes_up(azure: Emulator, running: Client) -> None:
    request = running.image_request(answer(1), python={"condaDependencies": {"dependencies": ["numpy"]}})
    created = running.deploy(environmentImageRequest=request)
    azure.settled()
    assert running.operation(created)["error"]["details"][0]["code"] == "CrashLoopBackOff"
    logs = running.call("GET", "models", MMS + "/services/mnist/logs").json()["content"]
    assert "No module named 'azureml_inference_server_http'" in logs


def test_source_that_was_damaged_on_its_way_does_not_start(azure: Emulator, running: Client) -> None:
    azure.fault("upload-corrupt")
    running.deploy(script=answer(1))
    azure.settled()
    assert running.service()["state"] == "Unhealthy"
    assert "unpack" in running.call("GET", "models", MMS + "/services/mnist/logs").json()["content"]


def test_scoring_takes_at_most_its_timeout(azure: Emulator, running: Client) -> None:
    running.deploy(script=SLOW_RUN, scoringTimeoutMs=300)
    azure.settled()
    assert running.score().status_code in {500, 504}  # the server's own watch or the front end's, whichever is first


def test_world_restored_serves_again(azure: Emulator, running: Client) -> None:
    running.deploy(script=answer(1))
    azure.settled()
    snapshot = azure.snapshot()
    roll(azure, running, answer(2))
    running.call("DELETE", "models", MMS + "/services/mnist")
    azure.restore(snapshot)
    azure.settled()
    assert running.score().json()["answer"] == 1


def test_killed_emulator_goes_on_and_leaves_no_process(tmp_path: Path) -> None:
    with started(tmp_path) as (first, attached), ExitStack() as stack:
        client = stack.enter_context(closing(Client(attached)))
        client.create_cluster()
        client.deploy(script="import os\ndef init(): pass\ndef run(data):\n    return os.getppid()\n")
        until(lambda: client.service()["state"] == "Healthy")
        server = int(client.score().text)
        first.send_signal(signal.SIGKILL)
    until(lambda: not exists(server))
    with started(tmp_path) as (second, again), ExitStack() as stack:
        assert (again.front, again.proxy) == (attached.front, attached.proxy)
        client = stack.enter_context(closing(Client(again)))
        until(lambda: client.score().status_code == 200)
        assert int(client.score().text) != server
        second.terminate()
        assert second.wait(30) == 0


@contextmanager
def started(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Attached]]:
    """An emulator as a process of its own, which is gone at the end."""
    command = [sys.executable, "-m", "scorewright_rehearse", "--state", str(folder), "--workspace", "ml"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = json.loads(process.stdout.readline())
            names = Names(DEFAULT_SUBSCRIPTION, "rehearsal", "ml", "eastus")
            yield process, Attached(line["environment"], line["front"], names)
        finally:
            process.kill()


@dataclass(frozen=True)
class Attached:
    """An emulator in another process, as far as a client needs one."""

    variables: dict[str, str]
    front: str
    names: Names

    @property
    def proxy(self) -> str:
        return self.variables["HTTPS_PROXY"]

    def environment(self) -> dict[str, str]:
        return self.variables


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that is to come soon."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it did not come")


def exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
