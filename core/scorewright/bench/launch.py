"""Runs Azure ML's inference server on the loopback interface alone; started in a process of its own.

    python launch.py SOURCE PORT

The server binds to every interface; here it is given one. ``SOURCE``: the folder with ``score.py``, which comes first
on the path, before anything that is installed. Takes any Python that the server takes.
"""

import os
import sys


def main(source: str, port: int) -> None:
    """Run the server until it is told to stop."""
    sys.path[0] = source
    from azureml_inference_server_http import amlserver, amlserver_linux

    bind = amlserver_linux.run

    def run(host: str, port: int, worker_count: int, health_port: "int | None" = None) -> None:
        bind("127.0.0.1", port, worker_count)

    amlserver_linux.run = run
    entry = os.path.join(source, "score.py")
    model = os.environ["AZUREML_MODEL_DIR"]
    sys.argv = ["azmlinfsrv", "--entry_script", entry, "--model_dir", model, "--port", str(port)]
    amlserver.run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
