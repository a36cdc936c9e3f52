"""The least that one would write by hand: Starlette, orjson, onnxruntime, uvicorn with uvloop and httptools."""

import numpy as np
import orjson
import uvicorn
from common import PORT, Classifier, float32
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

classify = Classifier()
shape = (-1, *[size for size in classify._session.get_inputs()[0].shape[1:]])


async def score(request):
    body = await request.body()
    if request.headers["content-type"] == "application/json":
        rows = float32(orjson.loads(body)["data"])
    else:
        rows = np.frombuffer(body, np.float32).reshape(shape)
    return Response(orjson.dumps(classify(rows).tolist()), media_type="application/json")


async def health(request):
    return Response(b"ok")


app = Starlette(routes=[Route("/score", score, methods=["POST"]), Route("/", health)])

if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=PORT, access_log=False, log_level="warning", loop="uvloop", http="httptools"
    )
