"""Azure's real inference server around a bundle with a small numpy model, as a process of its own."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.runtime.support import config_of

import scorewright_runtime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scorewright_runtime import Signature

SCORE = '''"""A score script around a numpy model."""

import time

from azureml_inference_server_http.api.aml_request import rawhttp
from scorewright_runtime import Service

CONFIG = {config!r}


class Doubler:
    device = "cpu"

    def predict(self, inputs):
        time.sleep({seconds!r})
        if any((array == 666).any() for array in inputs.values()):
            raise RuntimeError("the number of the beast")
        return {{"double_" + name: array + array for name, array in inputs.items()}}


def load(path, config):
    assert path.is_file(), path
    return Doubler()


service = Service(CONFIG, load)


def init():
    service.start()


@rawhttp
def run(request):
    return service.run(request)
'''
LAUNCHER = """import sys
from azureml_inference_server_http import amlserver
amlserver.DEFAULT_HOST = "127.0.0.1"
amlserver.run()
"""


class Response(NamedTuple):
    """An HTTP response; ``headers`` by name in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Server:
    """A running server. ``log``: what it has printed is there."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log

    def request(
        self, method: str, path: str = "/score", body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Response(response.status, named, response.read())
        finally:
            connection.close()

    def score(self, body: bytes, type: str | None = "application/json", **headers: str) -> Response:
        """POST /score."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", "/score", body, named if type is None else {"content-type": type, **named})

    def stop(self) -> int:
        """End the server as the cloud does, and return its exit code."""
        self.process.terminate()
        return self.process.wait(20)


def launch(
    folder: Path, signature: Signature, variables: Mapping[str, str], seconds: float = 0.0, **config: object
) -> Server:
    """Start a server in an empty folder and wait until it answers or dies. ``seconds``: how long the model takes."""
    bundle, model = folder / "app" / "bundle", folder / "app" / "azureml-models" / "digits" / "3"
    model.mkdir(parents=True)
    (model / "weights.bin").write_bytes(b"weights")
    source = Path(scorewright_runtime.__file__).parent
    shutil.copytree(source, bundle / "scorewright_runtime", ignore=shutil.ignore_patterns("__pycache__"))
    (bundle / "score.py").write_text(SCORE.format(config=config_of(signature, **config), seconds=seconds))
    (folder / "launcher.py").write_text(LAUNCHER)
    port = free_port()
    command = [sys.executable, str(folder / "launcher.py"), "--entry_script", str(bundle / "score.py")]
    command += ["--model_dir", str(model), "--port", str(port)]
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("AZUREML", "AML", "SCOREWRIGHT"))
    }
    root = {"AML_APP_ROOT": str(folder / "app"), "AZUREML_SOURCE_DIRECTORY": "bundle", "PYTHONWARNINGS": "ignore"}
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder / "app", env={**inherited, **root, **variables}, stdout=output, stderr=output
        )
    server = Server(process, port, log)
    wait_until_ready(server)
    return server


def wait_until_ready(server: Server, seconds: float = 30) -> None:
    """Return once the server answers, or has died."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if server.request("GET", "/").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    if server.process.poll() is None:
        server.process.kill()
        raise TimeoutError(server.log.read_text())


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
