"""The tutorial's flow, as its readers write it, with the unmodified SDK. Prints one line of JSON at the end.

Run in a process of its own: ``python tutorial.py SUBSCRIPTION FOLDER``. The folder holds ``model`` and ``source``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azureml.core.webservice import Webservice as AnyService


def main(subscription: str, folder: Path) -> None:
    from azureml.core import Environment, Model, Workspace
    from azureml.core.compute import AksCompute, ComputeTarget
    from azureml.core.model import InferenceConfig
    from azureml.core.webservice import AksWebservice, Webservice

    os.chdir(folder)
    workspace = Workspace.get("rehearsal", subscription_id=subscription, resource_group="rehearsal")
    wanted = AksCompute.provisioning_configuration(vm_size="Standard_NC4as_T4_v3", agent_count=3)
    cluster = ComputeTarget.create(workspace, "aks-gpu", wanted)
    cluster.wait_for_completion(show_output=False)
    model = Model.register(workspace, model_path=str(folder / "model"), model_name="tf-dnn-mnist")
    environment = Environment("tf-gpu").register(workspace)
    inference = InferenceConfig("score.py", source_directory=str(folder / "source"), environment=environment)
    deployment = AksWebservice.deploy_configuration(num_replicas=3, cpu_cores=2, memory_gb=4, gpu_cores=1)
    service = Model.deploy(workspace, "mnist", [model], inference, deployment, cluster)
    service.wait_for_deployment(show_output=False)
    seen = {"model": model.id, "state": service.state, "environment": environment.version, "answer": ask(service)}

    (folder / "source" / "score.py").write_text((folder / "source" / "score.py").read_text().replace("ONE", "TWO"))
    service.update(inference_config=inference, models=[model], num_replicas=2, tags={"team": "ml"})
    service.wait_for_deployment(show_output=False)
    before = service.get_keys()
    service.regen_key("Primary")
    after = service.get_keys()
    downloaded = Path(Model(workspace, "tf-dnn-mnist").download(str(folder / "download")))
    seen |= {
        "updated": ask(service),
        "replicas": service.num_replicas,
        "keys": [old == new for old, new in zip(before, after, strict=True)],
        "logs": "init() was here" in service.get_logs(),
        "swagger": service.swagger_uri,
        "downloaded": sorted(str(path.relative_to(downloaded)) for path in downloaded.rglob("*") if path.is_file()),
        "listed": [listed.name for listed in Webservice.list(workspace)],
    }
    service.update(auth_enabled=False, token_auth_enabled=True)
    service.wait_for_deployment(show_output=False)
    seen["token"] = service.get_access_token().access_token != after[0]
    service.delete()
    cluster.delete()
    cluster.wait_for_completion(is_delete_operation=True)
    seen["left"] = [listed.name for listed in ComputeTarget.list(workspace)]
    sys.stdout.write(json.dumps(seen) + "\n")


def ask(service: AnyService) -> object:
    """One request with the service's key."""
    answer: object = service.run(json.dumps({"data": [1, 2]}))
    return answer


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
