"""Starts the real inference server on a unix socket instead of on all interfaces, and ends with whoever started it.

Its text is run with ``python -c`` by the service's own interpreter, in the service's root folder, so that the import
path is that of ``python -m azureml_inference_server_http``. It may import nothing of this package.
"""

import os
import signal
import sys
import threading


def end_with_parent() -> None:
    """Standard input is a pipe from the emulator: at its end the whole process group goes."""
    while os.read(0, 1):
        pass
    os.killpg(os.getpgid(0), signal.SIGKILL)


def main() -> None:
    """Run the server; the socket is the path in the first argument, with the port appended."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    from azureml_inference_server_http import amlserver

    amlserver.DEFAULT_HOST = f"unix:{sys.argv.pop(1)}"
    sys.argv[0] = "azmlinfsrv"
    amlserver.run()


if __name__ == "__main__":
    main()
