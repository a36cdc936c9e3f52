"""LitServe with its fast queue; batches of up to BATCH rows within 2 ms where BATCH is given."""

import litserve
import numpy as np
from common import BATCH, PORT, Classifier, float32


class Digits(litserve.LitAPI):
    def setup(self, device):
        self.classify = Classifier()

    def decode_request(self, request):
        return float32(request["data"])

    def batch(self, inputs):
        return np.concatenate(inputs)

    def predict(self, rows):
        return self.classify(rows)

    def unbatch(self, output):
        return [output[index : index + 1] for index in range(len(output))]

    def encode_response(self, output):
        return {"classes": output.tolist()}


if __name__ == "__main__":
    batching = {"max_batch_size": BATCH, "batch_timeout": 0.002} if BATCH else {}
    server = litserve.LitServer(Digits(**batching), accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(host="127.0.0.1", port=PORT, generate_client_file=False, log_level="warning", access_log=False)
