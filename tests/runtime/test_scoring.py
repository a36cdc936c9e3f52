"""Steps of a scoring request that run in a thread beside the event loop."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

from tests.runtime.support import Doubler, config_of, signature_of

from scorewright_runtime import Service
from scorewright_runtime.scoring import Scorer

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class Body(bytearray):
    """Bytes that can be watched."""


def test_a_refused_body_is_let_go_without_the_garbage_collector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights.bin").write_bytes(b"weights")
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    service = Service(config_of(signature_of(x=("float32", [None, 4]))), lambda *_: Doubler(), tmp_path)
    service.start()

    async def scenario() -> tuple[int, Any]:
        scorer = Scorer(service)
        scorer.start()
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        body = Body(b"[" + b" " * (5 << 20) + b"]")  # of a size that is taken apart in a thread
        watched = weakref.ref(body)
        headers = {"content-type": "application/json"}
        scorer.score(headers, body, lambda reply, _: answer.set_result(reply.status), lambda: False)
        del body
        status = await answer
        for _ in range(100):
            if watched() is None:
                break
            await asyncio.sleep(0.05)
        return status, watched()

    gc.disable()
    try:
        status, kept = asyncio.run(scenario())
    finally:
        gc.enable()
        gc.unfreeze()
    assert (status, kept) == (400, None)
