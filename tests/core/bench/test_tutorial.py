"""The tutorial's scripts give the very answers that our services give."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import scorewright
from scorewright.bench.tutorial import write_script
from scorewright.errors import DeploymentError
from scorewright.plugins import PluginManager
from scorewright.resolve import ResolvedService, resolve

MNIST = Path(__file__).parents[3] / "docs" / "examples" / "mnist"
RUN = """
import importlib.util, json, sys
text = open(sys.argv[1]).read()
answers = []
for folder in sys.argv[2:]:
    spec = importlib.util.spec_from_file_location("score", folder + "/score.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.init()
    answers.append(module.run(text))
json.dump(answers, sys.stdout)
"""
FORMATS = {
    "onnx": ["mnist-onnx"],
    "pytorch": ["mnist-torchscript", "mnist-pt2"],
    "tensorflow": ["mnist-checkpoint", "mnist-savedmodel", "mnist-keras", "mnist-h5"],
}


def resolved(name: str) -> ResolvedService:
    spec = scorewright.load(MNIST / "deploy.yaml").only([name])
    return resolve(spec, PluginManager.load()).services[name]


@pytest.mark.parametrize("framework", FORMATS)
def test_a_script_for_each_format_answers_as_expected(framework: str, tmp_path: Path) -> None:
    folders = []
    for name in FORMATS[framework]:
        (tmp_path / name).mkdir()
        write_script(resolved(name), tmp_path / name)
        folders.append(str(tmp_path / name))
    env = {**os.environ, "AZUREML_MODEL_DIR": str(MNIST / "models"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", RUN, str(MNIST / "sample.json"), *folders]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = json.loads((MNIST / "expect.json").read_text())
    for answer in json.loads(done.stdout.splitlines()[-1]):
        assert answer[0] == pytest.approx(expected[0], abs=1e-3)


def test_a_format_without_such_a_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError) as caught:
        write_script(resolved("mnist-state-dict"), tmp_path)
    assert caught.value.code == "SW1803"
