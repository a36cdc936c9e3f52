"""The unmodified azureml-core against the emulator: the tutorial's path, and what it sends on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scorewright_rehearse import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright_rehearse.world import JsonObject

SCORE = """import json, os
def init():
    global files
    folder = os.environ["AZUREML_MODEL_DIR"]
    files = sorted(os.path.relpath(os.path.join(p, f), folder) for p, _, fs in os.walk(folder) for f in fs)
    print("init() was here")
def run(data):
    return {"which": "ONE", "sum": sum(json.loads(data)["data"]), "files": files}
"""
MODEL_FILES = ["a file with spaces", "checkpoint", "empty", "variables/data.bin"]


@pytest.fixture(scope="module")
def azure() -> Iterator[Emulator]:
    with Emulator(patience=10) as emulator:
        yield emulator


def run_tutorial(azure: Emulator, folder: Path) -> JsonObject:
    (folder / "model" / "variables").mkdir(parents=True)
    for name in MODEL_FILES:
        (folder / "model" / name).write_text("" if name == "empty" else name)
    (folder / "source").mkdir()
    (folder / "source" / "score.py").write_text(SCORE)
    script = Path(__file__).with_name("tutorial.py")
    done = subprocess.run(
        [sys.executable, str(script), azure.names.subscription_id, str(folder)],
        env=azure.child_environment(fast=True),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: JsonObject = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.parametrize("time", [1, 2, 3])
def test_tutorial_runs_as_it_is_again_and_again(azure: Emulator, tmp_path: Path, time: int) -> None:
    azure.requests.clear()
    seen = run_tutorial(azure, tmp_path)
    files = [f"model/{name}" for name in MODEL_FILES]
    assert seen == {
        "model": f"tf-dnn-mnist:{time}",
        "state": "Healthy",
        "environment": "1",
        "answer": {"which": "ONE", "sum": 3, "files": files},
        "updated": {"which": "TWO", "sum": 3, "files": files},
        "replicas": 2,
        "keys": [False, True],
        "logs": True,
        "swagger": f"{azure.front}/api/v1/service/mnist/swagger.json",
        "downloaded": MODEL_FILES,
        "listed": ["mnist"],
        "token": True,
        "left": [],
    }
    assert not azure.requests.refused()
    assert not azure.requests.unknown()
    check_what_was_sent(azure)
    assert not azure.world.computes
    assert not azure.world.services


def check_what_was_sent(azure: Emulator) -> None:
    cluster = azure.requests.one("computes.put").body["properties"]
    assert cluster == {"computeType": "AKS", "properties": {"agentCount": 3, "agentVmSize": "Standard_NC4as_T4_v3"}}
    created = azure.requests.one("services.create").body
    assert (created["name"], created["computeName"], created["numReplicas"]) == ("mnist", "aks-gpu", 3)
    resources = created["containerResourceRequirements"]
    assert (resources["cpu"], resources["memoryInGB"], resources["gpu"]) == (2, 4, 1)
    assert created["environmentImageRequest"]["modelIds"][0].startswith("tf-dnn-mnist:")
    updates = azure.requests.all("services.update")
    assert [step["path"] for step in updates[0].body] == ["/environmentImageRequest", "/numReplicas", "/kvTags"]
    assert azure.requests.one("computes.delete").query["underlyingResourceAction"] == "delete"
    assert len(azure.requests.writes("models")) == 1
    text = json.dumps([request.to_dict() for request in azure.requests.all()])
    assert "rehearsal-secret" not in text
    assert "sig=" not in text
