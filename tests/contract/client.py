"""A client of the emulated control plane that sends what azureml-core sends, without the cost of importing it."""

from __future__ import annotations

import gzip
import io
import json
import ssl
import tarfile
from typing import TYPE_CHECKING, Protocol

import httpx

from scorewright_rehearse.plane import CLIENT_ID, CLIENT_SECRET, TENANT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scorewright_rehearse.plane import Names
    from scorewright_rehearse.world import JsonObject

MMS = "/modelmanagement/v1.0{WS}"
ECHO = """import json, os
def init():
    pass
def run(data):
    return {"got": json.loads(data), "answer": ANSWER}
"""
SERVER = {"dependencies": ["python=3.11", {"pip": ["azureml-defaults"]}]}


def archive(files: Mapping[str, str]) -> bytes:
    """A compressed tar of text files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue(), mtime=0)


class Azure(Protocol):
    """What a client needs of an emulator."""

    @property
    def names(self) -> Names: ...

    @property
    def proxy(self) -> str: ...

    @property
    def front(self) -> str: ...

    def environment(self) -> dict[str, str]: ...


class Client:
    """Speaks through the proxy, with a bearer token of the emulated service principal."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        context = ssl.create_default_context(cafile=azure.environment()["REQUESTS_CA_BUNDLE"])
        self.http = httpx.Client(proxy=azure.proxy, verify=context, trust_env=False, timeout=60)
        self.direct = httpx.Client(trust_env=False, timeout=60)
        self.uploads = 0
        self.token = self.log_in().json()["access_token"]

    def close(self) -> None:
        self.http.close()
        self.direct.close()

    def log_in(self, *, secret: str = CLIENT_SECRET, client: str = CLIENT_ID, tenant: str = TENANT) -> httpx.Response:
        form = {"client_id": client, "client_secret": secret, "grant_type": "client_credentials"}
        form["scope"] = "https://management.azure.com/.default"
        return self.http.post(f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token", data=form)

    def call(
        self,
        method: str,
        host: str,
        path: str,
        body: object = None,
        *,
        content: bytes | None = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """``host``: a key of `Names.hosts`. ``{WS}`` in the path is the workspace. ``body``: a JSON value."""
        url = f"https://{self.azure.names.hosts[host]}{path.replace('{WS}', self.azure.names.scope)}"
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"} | dict(headers or {})
        content = json.dumps(body).encode() if content is None and body is not None else content
        return self.http.request(method, url, headers=sent, content=content, params=params)

    def create_cluster(
        self, name: str = "aks", vm_size: str = "Standard_NC4as_T4_v3", **properties: object
    ) -> httpx.Response:
        inner: JsonObject = {"agentVmSize": vm_size, "agentCount": 3} | properties
        body = {"location": "eastus", "properties": {"computeType": "AKS", "properties": inner}}
        return self.call("PUT", "arm", f"{{WS}}/computes/{name}", body)

    def cluster(self, name: str = "aks") -> httpx.Response:
        return self.call("GET", "api", f"/rp/workspaces{{WS}}/computes/{name}")

    def upload(self, container: str, files: Mapping[str, bytes]) -> None:
        path = f"/artifact/v2.0{{WS}}/artifacts/batch/metadata/LocalUpload/{container}"
        reserved = self.call("POST", "api", path, {"paths": [{"path": name} for name in files]}).json()
        for name, content in files.items():
            uri = reserved["artifactContentInformation"][name]["contentUri"]
            self.http.put(uri, content=content, headers={"x-ms-blob-type": "BlockBlob"}).raise_for_status()

    def register(
        self, name: str, files: Mapping[str, bytes], container: str = "c1", **fields: object
    ) -> httpx.Response:
        """Register a folder of files; its first segment is the folder's name."""
        self.upload(container, files)
        folder = next(iter(files)).partition("/")[0]
        artifacts = [{"prefix": f"LocalUpload/{container}/{folder}"}]
        asset = self.call("POST", "models", MMS + "/assets", {"name": name, "artifacts": artifacts}).json()
        body: JsonObject = {"name": name, "url": f"aml://asset/{asset['id']}", "unpack": False, "datasets": []} | fields
        return self.call("POST", "models", MMS + "/models", body)

    def image_request(
        self,
        script: str,
        models: tuple[str, ...] = (),
        variables: Mapping[str, str] | None = None,
        **environment: object,
    ) -> JsonObject:
        """Upload a source folder with one score.py, and say how to run it."""
        self.uploads += 1
        driver, source = f"d{self.uploads:07x}", f"c{self.uploads:07x}"
        self.upload(source, {"source.tar.gz": archive({"source/score.py": script})})
        self.upload(driver, {"driver.py": b"raise SystemExit('only old images run the driver')"})
        own = {"AZUREML_ENTRY_SCRIPT": "source/score.py", "AZUREML_SOURCE_DIRECTORY": "source"}
        definition: JsonObject = {
            "name": "env",
            "version": None,
            "environmentVariables": own | dict(variables or {}),
            "python": {"userManagedDependencies": False, "condaDependencies": SERVER},
            "docker": {"baseImage": "mcr.microsoft.com/azureml/minimal:latest"},
        }
        return {
            "driverProgram": "driver.py",
            "assets": [
                {"id": "driver.py", "url": f"aml://artifact/LocalUpload/{driver}/driver.py", "mimeType": "x"},
                {"id": "source", "url": f"aml://artifact/LocalUpload/{source}/source.tar.gz", "unpack": True},
            ],
            "modelIds": list(models),
            "environment": definition | environment,
        }

    def deploy(self, name: str = "mnist", script: str = "", **fields: object) -> httpx.Response:
        """Create a service; by default one that answers 1."""
        body: JsonObject = {
            "name": name,
            "computeType": "AKS",
            "computeName": "aks",
            "numReplicas": 3,
            "containerResourceRequirements": {"cpu": 2, "memoryInGB": 4, "gpu": 1},
            "kvTags": {},
            "properties": {},
            "environmentImageRequest": None,
        } | fields
        if body["environmentImageRequest"] is None:
            body["environmentImageRequest"] = self.image_request(script or ECHO.replace("ANSWER", "1"))
        return self.call("POST", "models", MMS + "/services", body)

    def patch(self, name: str, **values: object) -> httpx.Response:
        """Replace settings; ``a__b`` is the path ``/a/b``."""
        steps = [
            {"op": "replace", "path": "/" + key.replace("__", "/"), "value": value} for key, value in values.items()
        ]
        headers = {"Content-Type": "application/json-patch+json"}
        return self.call("PATCH", "models", f"{MMS}/services/{name}", steps, headers=headers)

    def service(self, name: str = "mnist") -> JsonObject:
        found: JsonObject = self.call("GET", "models", f"{MMS}/services/{name}", params={"expand": "true"}).json()
        return found

    def operation(self, response: httpx.Response) -> JsonObject:
        id = response.headers["Operation-Location"].rpartition("/")[2]
        found: JsonObject = self.call("GET", "models", f"{MMS}/operations/{id}").json()
        return found

    def keys(self, name: str = "mnist") -> JsonObject:
        found: JsonObject = self.call("POST", "models", f"{MMS}/services/{name}/listkeys").json()
        return found

    def score(self, name: str = "mnist", key: str | None = None, body: object = None) -> httpx.Response:
        """Call a service with a key, by default its primary one."""
        bearer = self.keys(name)["primaryKey"] if key is None else key
        uri = f"{self.azure.front}/api/v1/service/{name}/score"
        return self.direct.post(uri, json=body or {"data": [1]}, headers={"Authorization": f"Bearer {bearer}"})
