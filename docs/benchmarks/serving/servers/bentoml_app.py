"""BentoML with adaptive batching, one worker, access log and metrics off."""

import bentoml
import numpy as np
from common import Classifier


@bentoml.service(workers=1, traffic={"timeout": 60}, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Digits:
    def __init__(self) -> None:
        self.classify = Classifier()

    @bentoml.api(batchable=True, batch_dim=0, max_batch_size=32, max_latency_ms=1000)
    def score(self, data: np.ndarray) -> np.ndarray:
        return self.classify(data.astype(np.float32))
