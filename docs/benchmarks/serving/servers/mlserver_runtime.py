"""An MLServer runtime: V2 requests to classes."""

from common import Classifier
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Digits(MLModel):
    async def load(self) -> bool:
        self.classify = Classifier()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0])
        classes = NumpyCodec.encode_output("classes", self.classify(rows))
        return InferenceResponse(model_name=self.name, outputs=[classes])
