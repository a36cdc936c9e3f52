"""The fast lane: a gunicorn worker that answers ``POST /score`` itself and leaves the rest to Azure's Flask app.

Azure's inference server is started as ever; gunicorn picks this worker up from its own environment variable,
``GUNICORN_CMD_ARGS="-k scorewright_runtime.lane.Worker"``. Where the lane cannot run, for want of a package or because
the server is asked for something that only its own request path does, requests take that path; the log says why, and
the header ``x-scorewright-lane`` says ``stock``.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from . import service as services
from .asgi import ScoreApp

if TYPE_CHECKING:
    from types import FrameType

    from .service import Service

log = logging.getLogger("azmlinfsrv.scorewright")

_THREADS = 8
"""Threads for requests that Flask answers beside the lane."""

_MOST_THREADS = 128
"""Where Flask answers all, as many as a batch has rows, up to this many."""

_LAST_ANSWERS = 0.5
"""Seconds between the signal to stop and the end of idle connections."""


def objection(service: Service | None) -> str:
    """Why requests must take the stock path; empty where the lane may answer them."""
    if service is None:
        return "the score script has started no scorewright service"
    if service.config["lane"] != "fast":
        return "the deploy file says `lane: stock`"
    if os.environ.get("AML_APP_INSIGHTS_ENABLED", "").lower() == "true":
        return "Application Insights records requests on the server's own path"
    if os.environ.get("AML_CORS_ORIGINS"):
        return "AML_CORS_ORIGINS is handled on the server's own path"
    return ""


def application(flask: Any) -> Any:
    """The ASGI application for the loaded Flask app."""
    from a2wsgi import WSGIMiddleware

    service = services.started()
    reason = objection(service)
    if service is None or reason:
        log.warning("SW1534: the fast lane is off: %s", reason)
        rows = service.most_rows if service is not None else 1
        return WSGIMiddleware(flask, workers=min(max(rows, _THREADS), _MOST_THREADS))
    service.lane = "fast"
    return ScoreApp(service, WSGIMiddleware(flask, workers=_THREADS))


try:
    from .protocol import ScoreProtocol as _http
except Exception as error:  # without the short cut the lane takes the way through ASGI
    log.debug("no short cut: %r", error)
    _http: Any = "auto"  # type: ignore[no-redef]

try:
    import a2wsgi  # noqa: F401 - the worker needs it once the app is loaded
    from uvicorn import Server
    from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]
except Exception as error:  # whatever keeps the lane from loading, the service must start without it
    from gunicorn.workers.sync import SyncWorker  # type: ignore[import-untyped]

    _reason = repr(error)

    class Worker(SyncWorker):  # type: ignore[misc]
        """The stock worker, in place of one that cannot be loaded."""

        def load_wsgi(self) -> None:
            """Load the app, and say why it is served the stock way."""
            super().load_wsgi()
            log.warning("SW1534: the fast lane is off: it cannot be loaded: %s", _reason)

else:

    class LastAnswers(Server):
        """Stops so that no request is lost: for a moment every answer also ends its connection, and only then those
        that are left are closed. A connection closed at once may have a request on its way."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            """Stop, after that moment if the application can tell its callers."""
            app, stop = self.config.app, super().handle_exit
            if sig == signal.SIGTERM and isinstance(app, ScoreApp) and not app.scorer.stopping:
                app.scorer.stopping = True
                app.scorer.loop.call_soon_threadsafe(app.scorer.loop.call_later, _LAST_ANSWERS, stop, sig, frame)
            else:
                stop(sig, frame)

    class Worker(UvicornWorker):  # type: ignore[misc, no-redef]
        """gunicorn's worker on an event loop; uvloop and httptools where they are installed."""

        CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
            "loop": "auto",
            "http": _http,
            "lifespan": "off",
            "interface": "asgi3",
            "access_log": False,
            "proxy_headers": False,
            "server_header": False,
            "headers": [("server", "gunicorn")],
        }

        def load_wsgi(self) -> None:
            """Load the Flask app, which starts the service, and put the lane before it."""
            super().load_wsgi()
            self.wsgi: Any = application(self.wsgi)

        async def _serve(self) -> None:
            """As the base class has it, with another server."""
            self.config.app = self.wsgi
            if isinstance(self.wsgi, ScoreApp):
                self.wsgi.scorer.start()
            server = LastAnswers(self.config)
            self._install_sigquit_handler()
            await server.serve(sockets=self.sockets)
            if not server.started:
                sys.exit(3)  # what gunicorn takes for a failure to boot
