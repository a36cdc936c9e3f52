"""Services around a small numpy model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.runtime.malformed import MIB
from tests.runtime.support import Doubler, config_of, signature_of

from scorewright_runtime import Model, Request, Service, Signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@pytest.fixture
def model_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a registered model, as the cloud lays it out; ``AZUREML_MODEL_DIR`` names it."""
    folder = tmp_path / "app" / "azureml-models" / "digits" / "3"
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_bytes(b"weights")
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(folder))
    monkeypatch.setenv("SCOREWRIGHT_MAX_BODY_BYTES", str(2 * MIB))
    return folder


@pytest.fixture
def start(model_dir: Path) -> Callable[..., Service]:
    """Start a service: ``start(signature, model=None, **changes of CONFIG)``."""

    def make(
        signature: Signature, model: Model | None = None, folder: Path | None = None, **changes: object
    ) -> Service:
        service = Service(
            config_of(signature, **changes), lambda path, config: model if model is not None else Doubler(), folder
        )
        service.start()
        return service

    return make


@pytest.fixture
def digits(start: Callable[..., Service]) -> Service:
    """A service with one float32 input of [any, 4]."""
    return start(signature_of(x=("float32", [None, 4])))


@pytest.fixture
def post() -> Callable[..., Request]:
    """``post(body, type="application/json", **headers)``, underscores in names of headers meaning dashes."""

    def make(body: bytes, type: str = "application/json", **headers: str) -> Request:
        named: Mapping[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}
        return Request("POST", {"content-type": type, **named}, body)

    return make


@pytest.fixture(params=["simdjson", "orjson", "json"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each JSON parser in turn: the faster ones are taken away."""
    faster = {"simdjson": [], "orjson": ["simdjson"], "json": ["simdjson", "orjson"]}
    for name in faster[request.param]:
        monkeypatch.setattr(f"scorewright_runtime.accelerate.{name}", None)
    return str(request.param)
