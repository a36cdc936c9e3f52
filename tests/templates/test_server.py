"""Rendered scripts in Azure's own inference server: its application loads ``score.py`` and calls ``init`` and ``run``.

In a process of its own, since the server keeps one script per process; without a port, by Flask's test client.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import scorewright

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "mnist"
PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from azureml_inference_server_http.server.create_app import create
app = create()
app.azml_blueprint.setup()
reply = app.test_client().post("/score", data=open(sys.argv[2], "rb"), content_type="application/json")
import scorewright_runtime
answer = {
    "status": reply.status_code,
    "rows": reply.get_json(),
    "device": reply.headers["x-scorewright-device"],
    "runtime": scorewright_runtime.__file__,
}
json.dump(answer, open(sys.argv[3], "w"))  # the server takes stdout
"""


@pytest.mark.parametrize("service", ["mnist-checkpoint", "mnist-state-dict", "mnist-onnx"])
def test_a_rendered_script_answers_in_azures_server(service: str, tmp_path: Path) -> None:
    spec = scorewright.load(EXAMPLE / "deploy.yaml")
    bundle = tmp_path / "bundle"
    scorewright.render(spec, service).write(bundle)
    environment = {
        **os.environ,
        "AML_APP_ROOT": str(tmp_path),
        "AZUREML_ENTRY_SCRIPT": "bundle/score.py",
        "AZUREML_MODEL_DIR": str(EXAMPLE / "models"),
        "SCOREWRIGHT_GPU_DEFAULT": "prefer",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(bundle), str(EXAMPLE / "sample.json"), str(tmp_path / "answer")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads((tmp_path / "answer").read_text())
    assert answer["status"] == 200
    assert answer["device"] == "cpu"
    assert answer["runtime"].startswith(str(bundle))
    expected = json.loads((EXAMPLE / "expect.json").read_text())
    assert [row.index(max(row)) for row in answer["rows"]] == [row.index(max(row)) for row in expected]
