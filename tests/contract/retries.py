"""What the SDK makes of lost answers and failures. Prints one line of JSON.

Run in a process of its own: ``python retries.py SUBSCRIPTION FOLDER``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main(subscription: str, folder: Path) -> None:
    from azureml.core import Environment, Model, Workspace
    from azureml.core.compute import AksCompute
    from azureml.core.model import InferenceConfig
    from azureml.core.webservice import AksWebservice, Webservice
    from azureml.exceptions import WebserviceException

    os.chdir(folder)
    workspace = Workspace.get("rehearsal", subscription_id=subscription, resource_group="rehearsal")
    model = Model.register(workspace, model_path=str(folder / "model"), model_name="digits")
    inference = InferenceConfig("score.py", source_directory=str(folder / "source"), environment=Environment("env"))
    configuration = AksWebservice.deploy_configuration(num_replicas=1, cpu_cores=1, memory_gb=1, gpu_cores=1)
    cluster = AksCompute(workspace, "aks")

    def deploy(name: str) -> str:
        try:
            service = Model.deploy(workspace, name, [model], inference, configuration, cluster)
            service.wait_for_deployment(show_output=False)
        except WebserviceException as error:
            message: str = error.message
            return message
        return str(service.state)

    seen = {"model": model.id, "lost": deploy("lost"), "failed": deploy("failed"), "state": deploy("fine")}
    seen["lost state"] = Webservice(workspace, "lost").state
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
