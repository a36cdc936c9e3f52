"""The fast lane: a gunicorn worker that answers ``POST /score`` itself and leaves the rest to Azure's Flask app.

Azure's inference server is started as ever; gunicorn picks this worker up from its own environment variable,
``GUNICORN_CMD_ARGS="-k scorewright_runtime.lane.Worker"``. Where the lane cannot run, for want of a package or because
the server is asked for something that only its own request path does, requests take that path; the log says why, and
the header ``x-scorewright-lane`` says ``stock``.

gunicorn's first process loads this module, too, and only starts the others: what the others need is imported in them.
"""

from __future__ import annotations

import logging
import signal
import sys
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from types import FrameType

log = logging.getLogger("azmlinfsrv.scorewright")

_LAST_ANSWERS = 0.5
"""Seconds between the signal to stop and the end of idle connections."""

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
            scorer, stop = getattr(self.config.app, "scorer", None), super().handle_exit
            if sig == signal.SIGTERM and scorer is not None and not scorer.stopping:
                scorer.stopping = True
                scorer.loop.call_soon_threadsafe(scorer.loop.call_later, _LAST_ANSWERS, stop, sig, frame)
            else:
                stop(sig, frame)

    class Worker(UvicornWorker):  # type: ignore[misc, no-redef]
        """gunicorn's worker on an event loop; uvloop and httptools where they are installed."""

        CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
            "loop": "auto",
            "http": "auto",
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
            from .asgi import application

            self.wsgi: Any = application(self.wsgi)
            self.config.http = _protocol()

        async def _serve(self) -> None:
            """As the base class has it, with another server."""
            self.config.app = self.wsgi
            scorer = getattr(self.wsgi, "scorer", None)
            if scorer is not None:
                scorer.start()
            server = LastAnswers(self.config)
            self._install_sigquit_handler()
            await server.serve(sockets=self.sockets)
            if not server.started:
                sys.exit(3)  # what gunicorn takes for a failure to boot


def _protocol() -> Any:
    """uvicorn's protocol with the short cut, or the one that uvicorn chooses."""
    try:
        from .protocol import ScoreProtocol
    except Exception as error:  # an unknown uvicorn, or none with httptools: ASGI does, only slower
        log.info("scoring requests go through ASGI: %r", error)
        return "auto"
    return ScoreProtocol
