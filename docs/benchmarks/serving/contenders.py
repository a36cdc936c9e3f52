"""Who is compared: the tutorial's recipe, our two lanes, plain Starlette, and peers in environments of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dialects
import numpy as np
from dialects import Dialect
from machine import SERVER_CORE
from models import Case

from scorewright.bench.server import Program, azure_server

if TYPE_CHECKING:
    from scorewright.resolve import ResolvedService

SERVERS = Path(__file__).parent / "servers"
CORES = frozenset({SERVER_CORE})
STOCK = "--worker-class gthread --threads {threads} --keep-alive 75"
FAST = "-k scorewright_runtime.lane.Worker --keep-alive 75"


@dataclass(frozen=True)
class Place:
    """Where a contender may write, and the environments of the peers."""

    folder: Path
    environments: Path


Make = Callable[[Case, Place], Program]


@dataclass(frozen=True)
class Contender:
    """``kinds``: bodies by kind. ``cases``: models that it is tried with. ``environment``: its own packages; None is
    the interpreter that runs the benchmark."""

    name: str
    label: str
    make: Make
    kinds: Mapping[str, Dialect]
    cases: frozenset[str] = frozenset({"mnist"})
    environment: str | None = None

    def installed(self, place: Place) -> bool:
        """Whether its environment is there."""
        return self.environment is None or (place.environments / self.environment / "bin" / "python").exists()


def recipe(case: Case, place: Place) -> Program:
    """The tutorial's score.py in Azure's server as it comes: one synchronous worker."""
    from scorewright.bench.tutorial import write_script

    source = _fresh(place.folder / f"recipe-{case.name}")
    write_script(_resolved(case, "stock", source), source)
    return azure_server("recipe", source, _model(case, source), _stand_in(case), cpus=CORES)


def lane(name: str, fallback: str) -> Make:
    """Our own bundle. ``fallback``: gunicorn's arguments where the bundle names none."""

    def make(case: Case, place: Place) -> Program:
        from scorewright.bundle import build

        source = _fresh(place.folder / f"{name}-{case.name}")
        bundle = build(_resolved(case, name, source))
        bundle.write(source)
        said = bundle.environment["variables"]
        assert isinstance(said, dict)
        arguments = fallback.format(threads=64 if case.stand_in else 4)
        variables = {"GUNICORN_CMD_ARGS": arguments, **{key: str(value) for key, value in said.items()}}
        return azure_server(name, source, _model(case, source), {**variables, **_stand_in(case)}, cpus=CORES)

    return make


def _resolved(case: Case, lane: str, source: Path) -> ResolvedService:
    import scorewright
    from scorewright.plugins import PluginManager
    from scorewright.resolve import resolve

    file = source.with_suffix(".yaml")
    file.write_text(json.dumps(_deploy_file(case, lane)))
    return resolve(scorewright.load(file), PluginManager.load()).services["bench"]


def _deploy_file(case: Case, lane: str) -> dict[str, object]:
    service: dict[str, object] = {
        "model": {"path": str(case.model)},
        "framework": {"name": "onnx", "version": "1.31"},
        "gpu": "off",
        "output": "argmax",
        "resources": {"cpu": 1, "memory_gb": 4, "gpus": 0},
        "serving": {"lane": lane},
    }
    if case.stand_in:
        service["batching"] = {"max_batch_size": 64}
    return {"scorewright": 1, "services": {"bench": service}}


def peer(file: str, health: str) -> Make:
    """A server of ours on a peer's library."""

    def make(case: Case, place: Place) -> Program:
        environment = file.split("_")[0]
        python = place.environments / environment / "bin" / "python"
        return _program(environment, [str(python), str(SERVERS / file)], case, place, health)

    return make


def bentoml(case: Case, place: Place) -> Program:
    python = place.environments / "bentoml" / "bin" / "python"
    command = [str(python), "-m", "bentoml", "serve", "bentoml_app:Digits", "--working-dir", str(SERVERS)]
    command += ["--host", "127.0.0.1", "--port", "{port}"]
    return _program("bentoml", command, case, place, "/readyz")


def mlserver(case: Case, place: Place) -> Program:
    folder = _fresh(place.folder / f"mlserver-{case.name}")
    parameters = {"max_batch_size": 32, "max_batch_time": 0.002} if case.stand_in else {}
    model = {"name": "mnist", "implementation": "mlserver_runtime.Digits", **parameters, "parameters": {}}
    (folder / "model-settings.json").write_text(json.dumps(model))
    settings = {"host": "127.0.0.1", "parallel_workers": 0, "metrics_endpoint": None, "debug": False}
    (folder / "settings.json").write_text(json.dumps({**settings, "logging_settings": None}))
    python = place.environments / "mlserver" / "bin" / "python"
    command = [str(python), "-m", "mlserver.cli.main", "start", str(folder)]
    ports = {"MLSERVER_HTTP_PORT": "{port}", "MLSERVER_GRPC_PORT": "18181"}
    return _program("mlserver", command, case, place, "/v2/models/mnist/ready", **ports)


def mlflow(case: Case, place: Place) -> Program:
    python = place.environments / "mlflow" / "bin" / "python"
    model = place.folder / "mlflow-model"
    if not model.exists():
        subprocess.run([python, SERVERS / "mlflow_save.py", case.model, model], check=True, capture_output=True)
    command = [str(python), "-m", "mlflow", "models", "serve", "-m", str(model), "--env-manager", "local"]
    command += ["-h", "127.0.0.1", "-p", "{port}", "-w", "1"]
    return _program("mlflow", command, case, place, "/ping")


def _program(name: str, command: list[str], case: Case, place: Place, health: str, **variables: str) -> Program:
    folder = place.folder / f"{name}-run"
    folder.mkdir(exist_ok=True)
    path = str(Path(command[0]).parent) if command[0].startswith(str(place.environments)) else ""
    environment = {
        "PYTHONPATH": str(SERVERS),
        "MODEL": str(case.model),
        "PORT": "{port}",
        "BATCH": "32" if case.stand_in else "0",
        "PATH": f"{path}:/usr/bin:/bin",
        "BENTOML_DO_NOT_TRACK": "True",
        **_stand_in(case),
        **variables,
    }
    return Program(name, command, folder, environment, health, CORES)


def _stand_in(case: Case) -> dict[str, str]:
    return {"STAND_IN": "1", "PYTHONPATH": str(SERVERS)} if case.stand_in else {}


def _model(case: Case, source: Path) -> Path:
    """A folder that holds the model alone, as in the container."""
    folder = _fresh(source.with_name(f"{source.name}-model"))
    (folder / case.model.name).symlink_to(case.model)
    return folder


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


OURS = {"json": dialects.TUTORIAL, "f32": dialects.NPY_F32, "u8": dialects.NPY_U8}
ALL = frozenset({"mnist", "standin", "resnet", "free"})
BOTH = frozenset({"mnist", "standin"})
V2_BINARY = dialects.v2_binary("x", np.zeros((1, 784)))
LITSERVE = Dialect("json", "/predict", dialects.JSON, dialects.json_rows("data"))
BENTOML = Dialect("json", "/score", dialects.JSON, dialects.json_rows("data"))
KSERVE = Dialect("json", "/v1/models/mnist:predict", dialects.JSON, dialects.json_rows("instances"))
MLFLOW = Dialect("json", "/invocations", dialects.JSON, dialects.json_rows("inputs"))
MNIST = frozenset({"mnist"})
CONTENDERS = [
    Contender("recipe", "the tutorial's recipe", recipe, {"json": dialects.TUTORIAL}, ALL),
    Contender("stock", "scorewright, stock lane", lane("stock", STOCK), OURS, ALL),
    Contender("fast", "scorewright, fast lane", lane("fast", FAST), OURS, ALL),
    Contender(
        "starlette",
        "plain Starlette + orjson",
        peer("starlette_app.py", "/"),
        {"json": dialects.TUTORIAL, "f32": dialects.RAW_F32},
        frozenset({"mnist", "free"}),
        "starlette",
    ),
    Contender(
        "triton",
        "Triton by pytriton",
        peer("pytriton_app.py", "/v2/models/mnist/ready"),
        {"json": dialects.V2_JSON, "f32": V2_BINARY},
        BOTH,
        "pytriton",
    ),
    Contender("mlserver", "MLServer", mlserver, {"json": dialects.V2_JSON}, BOTH, "mlserver"),
    Contender("kserve", "KServe", peer("kserve_app.py", "/v2/health/ready"), {"json": KSERVE}, MNIST, "kserve"),
    Contender("litserve", "LitServe", peer("litserve_app.py", "/health"), {"json": LITSERVE}, BOTH, "litserve"),
    Contender("bentoml", "BentoML", bentoml, {"json": BENTOML}, BOTH, "bentoml"),
    Contender("mlflow", "MLflow", mlflow, {"json": MLFLOW}, MNIST, "mlflow"),
]
