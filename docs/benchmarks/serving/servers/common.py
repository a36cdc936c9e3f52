"""What the peers' servers share: the session, with one thread, as everywhere in this comparison."""

import os

import numpy as np
import onnxruntime

MODEL = os.environ.get("MODEL", "")
PORT = int(os.environ.get("PORT", "0"))
BATCH = int(os.environ.get("BATCH", "0"))


def session():
    """A session on the model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])


class Classifier:
    """Rows to classes."""

    def __init__(self):
        self._session = session()
        self._input = self._session.get_inputs()[0].name
        self._output = [self._session.get_outputs()[0].name]

    def __call__(self, rows):
        """Classes of rows: float32 [n, ...] to int64 [n]."""
        return self._session.run(self._output, {self._input: rows})[0].argmax(axis=1)


def float32(rows):
    """Nested lists as an array."""
    return np.asarray(rows, dtype=np.float32)
