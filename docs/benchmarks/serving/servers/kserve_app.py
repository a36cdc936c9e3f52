"""KServe's own Python server, V1 protocol, without gRPC and access log."""

import sys

import kserve
from common import PORT, Classifier, float32


class Digits(kserve.Model):
    def __init__(self):
        super().__init__("mnist")
        self.classify = Classifier()
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        return {"predictions": self.classify(float32(payload["instances"])).tolist()}


if __name__ == "__main__":
    sys.argv += ["--http_port", str(PORT), "--enable_grpc", "false", "--access_log_format", "", "--workers", "1"]
    kserve.ModelServer(http_port=PORT, enable_grpc=False, workers=1, access_log_format=None).start([Digits()])
