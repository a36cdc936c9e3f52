"""This side of the wall: a bounded number of SDK processes, asked one thing at a time, each with a time limit."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


# Read by azureml when it is imported: no deprecation lines, and no metadata request to learn which cloud this is.
_QUIET = {"AZUREML_LOG_DEPRECATION_WARNING_ENABLED": "False", "AZUREML_CURRENT_CLOUD": "AzureCloud"}


class SdkError(Exception):
    """What the SDK said when it failed, translated.

    ``kind``: ``service`` (the service refused), ``connection`` (no answer), ``timeout`` (ours ran out), ``input`` (the
    SDK refused the arguments), ``lost`` (the process died), ``bug`` (anything else). ``status``: the HTTP status
    if known.
    ``error_code``: the service's own code (``ServiceExists``). ``message``: in the service's words, ``said``: its whole
    answer, both without secrets.
    """

    def __init__(
        self, kind: str, message: str, *, status: int | None = None, error_code: str | None = None, said: str = ""
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.said = said or message
        self.status = status
        self.error_code = error_code

    @property
    def may_have_happened(self) -> bool:
        """Whether a write that failed so may have taken effect all the same: its answer was lost, or the SDK sent it
        again and met its own first attempt."""
        if self.kind in {"connection", "timeout", "lost"}:
            return True
        return self.status in {409, 429, 500, 502, 503, 504} or self.error_code in {"Conflict", "ServiceExists"}


class _Process:
    """One SDK process. It ends by itself when our end of its stdin closes, so it cannot outlive us."""

    def __init__(self, environment: Mapping[str, str], folder: str, log: int) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "scorewright_azureml.sdk.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=folder,
            env=dict(environment),
            text=False,
            start_new_session=True,  # Ctrl-C reaches us alone; we decide what becomes of a call in flight
        )
        self._buffer = b""

    def call(self, operation: str, arguments: Mapping[str, object], timeout: float) -> Any:
        """Ask one thing. Raises `SdkError`; after ``timeout`` or ``lost`` the process is of no more use."""
        assert self._child.stdin is not None
        line = json.dumps({"operation": operation, "arguments": arguments}).encode() + b"\n"
        try:
            self._child.stdin.write(line)
            self._child.stdin.flush()
        except OSError as error:
            raise SdkError("lost", "the Azure SDK's process is gone") from error
        reply = json.loads(self._read_line(time.monotonic() + timeout, operation, timeout))
        if "error" in reply:
            raise SdkError(**reply["error"])
        return reply["value"]

    def _read_line(self, deadline: float, operation: str, timeout: float) -> bytes:
        assert self._child.stdout is not None
        descriptor = self._child.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise SdkError("timeout", f"{operation} got no answer within {timeout:.0f} s")
                chunk = os.read(descriptor, 1 << 16)
                if not chunk:
                    raise SdkError("lost", "the Azure SDK's process ended before it answered")
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def end(self) -> None:
        """Stop it at once; it has no state of its own."""
        self._child.kill()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class SdkPool:
    """Up to ``size`` SDK processes, started when first needed and used again. Safe to call from several threads.

    ``environment``: what the processes get: credentials and proxies, and nothing that was not asked for. ``log``: file
    that takes what the SDK prints, None for nowhere. Close it, or use it as a context manager.
    """

    def __init__(self, environment: Mapping[str, str], *, size: int = 4, log: Path | None = None) -> None:
        self._environment = {**environment, **_QUIET}
        self._slots = threading.BoundedSemaphore(size)
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self._folder = tempfile.TemporaryDirectory(prefix="scorewright-azureml-")
        # Not a work tree, so that no git remote is sent. TMPDIR is it, so that what the SDK leaves behind goes too.
        self._environment["TMPDIR"] = self._folder.name
        self._log = os.open(log or os.devnull, os.O_WRONLY | os.O_APPEND | (os.O_CREAT if log else 0), 0o600)
        self._all: set[_Process] = set()

    def __enter__(self) -> SdkPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, operation: str, arguments: Mapping[str, object], *, timeout: float) -> Any:
        """Run an operation of `process` with plain arguments and give its plain result.

        ``timeout``: seconds; then the process is stopped, whatever the SDK waits for. Raises `SdkError`.
        """
        with self._slots:
            process = self._take()
            try:
                result = process.call(operation, arguments, timeout)
            except SdkError as error:
                if error.kind in {"timeout", "lost"}:
                    self._drop(process)
                else:
                    self._idle.put(process)
                raise
            except BaseException:  # Ctrl-C in mid-call: an answer may still come, so this process cannot be used again
                self._drop(process)
                raise
            self._idle.put(process)
            return result

    def _take(self) -> _Process:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            process = _Process(self._environment, self._folder.name, self._log)
            self._all.add(process)
            return process

    def _drop(self, process: _Process) -> None:
        self._all.discard(process)
        process.end()

    def close(self) -> None:
        """End all processes and remove what they left."""
        for process in tuple(self._all):
            self._drop(process)
        os.close(self._log)
        self._folder.cleanup()
