"""Runs Azure ML's inference server on a unix socket instead of a port; started in the bundle's own interpreter.

    python serve.py SOCKET

The server knows only host and port, and binds to every interface. Both end up in gunicorn's ``-b host:port``, so that
``unix`` and a path make it bind a socket that only this user reaches. Takes any Python that the server takes.
"""

import ctypes
import os
import signal
import sys


def main(socket: str) -> None:
    """Run the server until it is told to stop."""
    # This file's folder was put on the path; the bundle belongs there, before an installed scorewright_runtime.
    root = os.environ["AML_APP_ROOT"]
    sys.path[0] = os.path.join(root, os.environ["AZUREML_SOURCE_DIRECTORY"])
    os.chdir(root)
    master = os.getpid()
    os.register_at_fork(after_in_child=lambda: die_with(master))

    import gunicorn.config  # type: ignore[import-untyped]
    from azureml_inference_server_http import amlserver, amlserver_linux

    if hasattr(gunicorn.config, "ControlSocketDisable"):
        given = os.environ.get("GUNICORN_CMD_ARGS", "")
        os.environ["GUNICORN_CMD_ARGS"] = f"{given} --no-control-socket".strip()

    bind = amlserver_linux.run

    def run(host: str, port: int, worker_count: int, health_port: "int | None" = None) -> None:
        bind("unix", socket, worker_count)

    amlserver_linux.run = run
    entry = os.path.join(root, os.environ["AZUREML_ENTRY_SCRIPT"])
    sys.argv = ["azmlinfsrv", "--entry_script", entry, "--model_dir", os.environ["AZUREML_MODEL_DIR"]]
    amlserver.run()


def die_with(master: int) -> None:
    """On Linux: have the kernel end a worker when its master is gone. gunicorn's workers look for themselves, but only
    between two requests and minutes apart. Processes that the user's own code starts are left alone."""
    if sys.platform == "linux" and os.getppid() == master:
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
