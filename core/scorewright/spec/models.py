"""The deploy file as pydantic models: every key, its type, its limits and what it means.

The JSON Schema, the reference page and the error messages are made from here. Rules that need more than one key are
in the ``model_validator`` of the smallest model that holds them all. Paths are absolute once the file is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from scorewright.signature import Plain

from .fields import (
    NUMBER,
    WHOLE,
    Allowed,
    FilePath,
    FormatVersion,
    Integer,
    Number,
    Off,
    OptionValue,
    PipRequirement,
    Rule,
    ServiceName,
    Switch,
    VariableName,
    file_suffix,
)
from .origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable


class Model(BaseModel):
    """What all models share: unknown keys are faults, types are taken at their word, values do not change once read."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )


class Workspace(Model):
    """The Azure Machine Learning workspace. Azure targets only."""

    subscription_id: str = Field(
        description="The Azure subscription's id.", min_length=1, examples=["${AZURE_SUBSCRIPTION_ID}"]
    )
    resource_group: str = Field(
        description="The resource group that holds the workspace.", min_length=1, examples=["ml-prod"]
    )
    name: str = Field(description="The workspace's name.", min_length=1, examples=["ml-workspace"])


class Tls(Model):
    """TLS of the scoring endpoint: a name under Azure's own domain, or a certificate of yours."""

    leaf_domain_label: str | None = Field(
        None, description="First label of a name that Azure makes and certifies.", examples=["mnist-prod"], min_length=1
    )
    cname: str | None = Field(None, description="Your own host name; needs cert_file and key_file.", min_length=1)
    cert_file: FilePath | None = Field(None, description="PEM file of the certificate for cname.")
    key_file: FilePath | None = Field(None, description="PEM file of the certificate's private key.")

    @model_validator(mode="after")
    def _one_way(self) -> Tls:
        own = (self.cname, self.cert_file, self.key_file)
        keys = ("leaf_domain_label", "cname", "cert_file", "key_file")
        if self.leaf_domain_label and any(own):
            raise Rule("give leaf_domain_label, or cname with cert_file and key_file, not both", *keys)
        if not self.leaf_domain_label and not all(own):
            raise Rule("give leaf_domain_label, or all of cname, cert_file and key_file", *keys)
        return self


class Network(Model):
    """The virtual network that a new cluster is put into."""

    vnet_name: str = Field(description="The virtual network's name.", min_length=1, examples=["ml-network"])
    vnet_resource_group: str = Field(
        description="The resource group that holds it.", min_length=1, examples=["ml-network"]
    )
    subnet_name: str = Field(description="The subnet for the nodes.", min_length=1, examples=["aks"])
    service_cidr: str = Field(description="Address range for the cluster's own services.", examples=["10.0.0.0/16"])
    dns_service_ip: str = Field(description="Address of the cluster's DNS, in service_cidr.", examples=["10.0.0.10"])
    docker_bridge_cidr: str = Field(description="Address range of the Docker bridge.", examples=["172.17.0.1/16"])


class Cluster(Model):
    """The GPU cluster that the services run on. Azure targets only."""

    name: Annotated[str, Allowed("2 to 16 letters, digits and dashes, a letter first")] = Field(
        description="The compute's name in the workspace.",
        pattern=r"^[A-Za-z][-A-Za-z0-9]{1,15}$",
        examples=["aks-gpu"],
    )
    vm_size: str = Field(
        "Standard_NC4as_T4_v3", description="The nodes' VM size; `scorewright gpus` lists them.", min_length=1
    )
    node_count: Integer = Field(3, description="Number of nodes.", ge=1, le=1000)
    location: str | None = Field(
        None, description="Azure region; default: the workspace's.", examples=["eastus"], min_length=1
    )
    purpose: Literal["fast-prod", "dense-prod", "dev-test"] = Field(
        "fast-prod",
        description="What the cluster is for; below 12 vCPUs in all Azure ML takes only dev-test.",
    )
    attach: str | None = Field(
        None,
        description="Resource id of an AKS cluster that exists; then nothing is created and nothing deleted.",
        min_length=1,
    )
    tls: Tls | None = Field(None, description="TLS of the scoring endpoint; default: plain http.")
    network: Network | None = Field(None, description="Put the cluster into a virtual network of yours.")
    load_balancer: Literal["public", "internal"] = Field(
        "public", description="internal: the scoring endpoint has an address of the virtual network only."
    )
    load_balancer_subnet: str | None = Field(
        None, description="Subnet of the internal load balancer; default: the cluster's.", min_length=1
    )


class ModelRef(Model):
    """The model: a file or folder to register, or the name of a registered one."""

    path: FilePath | None = Field(
        None, description="Model file or folder, relative to this file.", examples=["models/mnist.onnx"]
    )
    name: (
        Annotated[str, Allowed("1 to 255 letters, digits, dots, dashes and underscores, a letter or digit first")]
        | None
    ) = Field(
        None,
        description="Name to register it under, or of a registered model; default: the service's name.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$",
        examples=["tf-dnn-mnist"],
    )
    version: Annotated[str, Field(min_length=1)] | Annotated[int, Field(ge=1), WHOLE] | None = Field(
        None, description="Pin a registered version; only without path."
    )
    module: FilePath | None = Field(
        None,
        description="Python file that defines the network, for a PyTorch state_dict; it is copied into the bundle.",
        examples=["network.py"],
    )
    factory: Annotated[str, Allowed("the name of a Python class or function")] | None = Field(
        None,
        description="Class or function in module that returns the network; default: its only torch.nn.Module class.",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
    )
    allow_pickle: Switch = Field(
        False, description="Consent to formats that can run code when loaded (Keras lambda layers, pickles)."
    )

    @model_validator(mode="after")
    def _source(self) -> ModelRef:
        if self.path is None and self.name is None:
            raise Rule("give path (a file or folder) or name (a registered model)", "path", "name")
        if self.path is not None and self.version is not None:
            raise Rule("version pins a registered model; it cannot be used with path", "version", "path")
        if self.factory is not None and self.module is None:
            raise Rule("factory names a class in module; give module too", "factory", "module")
        return self


def _framework(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class FrameworkRef(Model):
    """The framework that serves the model."""

    name: str = Field(
        description="tensorflow, pytorch, onnx, or a plugin's name.", min_length=1, examples=["tensorflow"]
    )
    version: Annotated[str, Allowed('a version in quotes, such as "2.15"')] | None = Field(
        None,
        description='Version to serve with, such as "2.15"; default: the newest that fits.',
        pattern=r"^[0-9]+(\.[0-9]+)*$",
        examples=["2.15"],
    )
    options: dict[str, OptionValue] = Field(
        default_factory=dict,
        description="The framework's own settings, by name; docs/reference/framework-options.md lists them.",
        examples=[{"compile": True, "channels_last": True}],
    )


class Tensor(Model):
    """One input or output, where the model's file does not say it."""

    dtype: Plain = Field("float32", description="Element type.")
    shape: Annotated[
        list[Annotated[int, Field(ge=0), WHOLE] | None],
        Allowed("a list with a whole number of at least 0, or null, for each axis"),
    ] = Field(description="One entry per axis; null: any length.", examples=[[None, 784]])
    tensor: str | None = Field(
        None, description="Its name inside the model, where that differs (network/X:0).", min_length=1
    )


class TopK(Model):
    """Answer with the best k classes instead of raw scores."""

    top_k: Integer = Field(description="How many classes.", ge=1, examples=[5])
    labels: FilePath | None = Field(None, description="Text file, one label per line.")
    softmax: Switch = Field(False, description="Turn logits into probabilities first.")


Pixels: TypeAlias = Annotated[int, Field(ge=1, le=16384), WHOLE]

CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
"""Channels of each Pillow mode that ``image.mode`` takes."""


class Image(Model):
    """How image bodies become the model's input."""

    size: Annotated[
        tuple[Pixels, Pixels], Allowed("a list of two whole numbers, height and width, from 1 to 16384")
    ] = Field(
        description="Height and width that the image is resized to.",
        examples=[[28, 28]],
        strict=False,  # YAML knows no tuples
    )
    mode: Literal["L", "RGB", "RGBA"] = Field("RGB", description="Pillow mode: L is grey.")
    scale: Number = Field(1.0, description="Factor on every pixel (0 to 255), applied first.")
    mean: Number | list[Number] | None = Field(
        None, description="Subtracted after scale: one number or one per channel."
    )
    std: Number | list[Number] | None = Field(None, description="Divided by after mean: one number or one per channel.")
    layout: Literal["NHWC", "NCHW", "NHW", "flat"] | None = Field(
        None, description="Axis order; default: what the model's input shape says."
    )

    @model_validator(mode="after")
    def _channels(self) -> Image:
        channels = CHANNELS[self.mode]
        for key in ("mean", "std"):
            value = getattr(self, key)
            if isinstance(value, list) and len(value) != channels:
                raise Rule(f"{key} needs one number, or one for each of the {channels} channels of mode", key, "mode")
        if self.std == 0 or (isinstance(self.std, list) and 0 in self.std):
            raise Rule("std divides the pixels, so it cannot be 0", "std")
        if self.layout == "NHW" and channels > 1:
            raise Rule("layout NHW has no axis for the channels; it needs mode L", "layout", "mode")
        return self


class Batching(Model):
    """Micro-batching: requests that wait together run as one call of the model."""

    max_batch_size: Integer = Field(32, description="Most rows in one call.", ge=1, le=4096)
    max_delay_ms: Number = Field(
        2.0,
        description="Longest wait for more rows, in milliseconds; as long again while they keep coming.",
        ge=0,
        le=1000,
    )


class Serving(Model):
    """How the service handles requests."""

    lane: Literal["fast", "stock"] = Field(
        "fast", description="fast: a worker of ours inside Azure's server; stock: only run()."
    )


class Autoscale(Model):
    """Replicas that follow the load."""

    min: Integer = Field(1, description="Fewest replicas.", ge=1)
    max: Integer = Field(10, description="Most replicas.", ge=1)
    target_utilization: Integer = Field(70, description="Busy share that is aimed at, in percent.", ge=1, le=100)
    refresh_seconds: Integer = Field(1, description="Seconds between two looks at the load.", ge=1)

    @model_validator(mode="after")
    def _order(self) -> Autoscale:
        if self.min > self.max:
            raise Rule("min is above max", "min", "max")
        return self


class Resources(Model):
    """What one replica gets."""

    cpu: Number = Field(2, description="CPU cores.", gt=0)
    memory_gb: Number = Field(4, description="Memory in GB.", gt=0)
    gpus: Integer = Field(1, description="GPUs.", ge=0, le=16)


class Probes(Model):
    """The liveness probe."""

    initial_delay_seconds: Integer = Field(310, description="Wait before the first probe.", ge=0)
    period_seconds: Integer = Field(10, description="Time between probes.", ge=1)
    timeout_seconds: Integer = Field(2, description="Wait for an answer.", ge=1)
    success: Integer = Field(1, description="Good probes in a row that make it alive.", ge=1)
    failure: Integer = Field(3, description="Bad probes in a row that make it dead.", ge=1)


class Packages(Model):
    """Further packages for the environment."""

    pip: list[PipRequirement] = Field(default_factory=list, description="pip requirements.")
    conda: list[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9_][^\n\r]*$"), Allowed("a requirement as conda takes it")]
    ] = Field(default_factory=list, description="conda requirements; for what pip does not have.")


class Sample(Model):
    """The golden request: sent after every deployment, which counts as done only when it is answered."""

    input: Annotated[
        FilePath,
        BeforeValidator(file_suffix("json|npy|npz|png|jpe?g")),
        Allowed("a .json, .npy, .npz, .png or .jpg file"),
    ] = Field(description="File with the request: JSON, .npy, .npz, .png or .jpg.", examples=["sample.json"])
    expect: Annotated[FilePath, BeforeValidator(file_suffix("json")), Allowed("a .json file")] | None = Field(
        None, description="JSON file with the answer; null: any answer of the right shape."
    )


IMAGE_SUFFIXES = frozenset([".png", ".jpg", ".jpeg"])
"""Suffixes of the images that a service with ``image`` takes."""


class AzureMLOptions(Model):
    """What only an AksWebservice of azureml-core has. Other targets ignore it."""

    description: str | None = Field(None, description="Description of the service.", min_length=1)
    namespace: str | None = Field(
        None,
        description="Kubernetes namespace to deploy into; default: Azure ML's own.",
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    )
    cpu_limit: Annotated[float, Field(gt=0), NUMBER] | None = Field(None, description="Most CPU cores of one replica.")
    memory_limit_gb: Annotated[float, Field(gt=0), NUMBER] | None = Field(
        None, description="Most memory of one replica, in GB."
    )
    max_queue_wait_ms: Annotated[int, Field(ge=1), WHOLE] | None = Field(
        None, description="Longest wait for a free replica, in milliseconds; default: Azure's 500."
    )
    collect_model_data: Switch = Field(False, description="Have Azure ML collect the requests' data.")
    blobfuse: Switch | None = Field(None, description="Mount models with blobfuse; default: Azure's choice.")
    candidate: Switch = Field(
        True,
        description="Try a new version as a second service of one replica before callers get it; needs spare GPUs.",
    )
    legacy_inference_config: Switch = Field(
        False,
        description="Use the deprecated InferenceConfig(runtime, conda_file, enable_gpu): its image is CUDA 11.8's.",
    )


class ServiceSpec(Model):
    """One scoring service."""

    model: Annotated[ModelRef, Allowed("a mapping with path, or with the name of a registered model")] = Field(
        description="The model that is served."
    )
    framework: (
        Annotated[
            FrameworkRef,
            BeforeValidator(_framework, json_schema_input_type=Annotated[str, Field(min_length=1)] | FrameworkRef),
            Allowed("a framework's name, or a mapping with name, version and options"),
        ]
        | None
    ) = Field(None, description="The framework; default: detected from the model's files.", examples=["tensorflow"])
    gpu: Literal["require", "prefer", "off"] | None = Field(
        None,
        description="require: fail without a GPU; default require on Azure, prefer on local.",
        examples=["require"],
    )
    inputs: dict[str, Tensor] | None = Field(
        None,
        description="Inputs, where the model's file does not say them.",
        min_length=1,
        examples=[{"x": {"dtype": "float32", "shape": [None, 784]}}],
    )
    outputs: (
        Annotated[list[str], Field(min_length=1), Allowed("a list of names")]
        | Annotated[dict[str, Tensor], Field(min_length=1), Allowed("a mapping like inputs")]
        | None
    ) = Field(
        None, description="Outputs to return, all if not given: names, or a mapping like inputs.", examples=[["scores"]]
    )
    output: Literal["raw", "argmax"] | TopK = Field("raw", description="What is answered.")
    image: Image | None = Field(None, description="Accept image/jpeg and image/png bodies.")
    handler: FilePath | None = Field(
        None,
        description="Python file with preprocess(request, inputs) and/or postprocess(outputs).",
        examples=["handler.py"],
    )
    batching: Batching | Off = Field(default_factory=lambda: Batching(), description="Micro-batching, or false.")
    serving: Serving = Field(default_factory=lambda: Serving(), description="How requests are handled.")
    replicas: Annotated[int, Field(ge=1, le=1000), WHOLE] | None = Field(
        None, description="Fixed number of replicas; default 1.", examples=[3]
    )
    autoscale: Autoscale | None = Field(None, description="Replicas that follow the load; instead of replicas.")
    resources: Resources = Field(default_factory=lambda: Resources(), description="What one replica gets.")
    auth: Literal["key", "token", "none"] = Field("key", description="How callers prove who they are.")
    timeout_ms: Integer = Field(60000, description="Longest time for one request, in milliseconds.", ge=1, le=3600000)
    max_concurrent_requests: Annotated[int, Field(ge=1), WHOLE] | None = Field(
        None,
        description="Requests that one replica takes at a time; default: what the batching needs.",
        examples=[64],
    )
    probes: Probes = Field(default_factory=lambda: Probes(), description="The liveness probe.")
    env: dict[VariableName, str] = Field(
        default_factory=dict, description="Extra environment variables of the service.", repr=False
    )
    packages: Packages = Field(default_factory=lambda: Packages(), description="Further packages.")
    app_insights: Switch = Field(False, description="Send telemetry to Application Insights.")
    tags: dict[str, str] = Field(default_factory=dict, description="Tags on the service.")
    azureml: AzureMLOptions = Field(
        default_factory=lambda: AzureMLOptions(), description="Options of the azureml target alone."
    )
    sample: Sample | None = Field(None, description="The golden request.")

    @model_validator(mode="after")
    def _agree(self) -> ServiceSpec:
        if self.replicas is not None and self.autoscale is not None:
            raise Rule(
                "give replicas or autoscale, not both (null takes back what an earlier file says)",
                "autoscale",
                "replicas",
            )
        if self.gpu == "require" and self.resources.gpus == 0:
            raise Rule("gpu: require needs at least one of resources.gpus", "resources.gpus", "gpu")
        if isinstance(self.outputs, list) and len(set(self.outputs)) < len(self.outputs):
            raise Rule("outputs names an output twice", "outputs")
        if self.image is None and self.sample is not None and self.sample.input.suffix.lower() in IMAGE_SUFFIXES:
            raise Rule(
                "sample.input is an image; say with image how it becomes the model's input", "sample.input", "image"
            )
        return self


class Spec(Model):
    """A deploy file. Load one with `scorewright.load`; ``origin`` tells where each key stands."""

    scorewright: FormatVersion = Field(description="Version of this file's format.", examples=[1])
    project: (
        Annotated[str, Allowed("1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first")] | None
    ) = Field(
        None,
        description="Groups the services of this file on a shared target: `up` deletes a service of this project that "
        "the file no longer names. Without it, only `down` deletes.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        examples=["digits"],
    )
    workspace: Workspace | None = Field(None, description="The workspace; Azure targets only.")
    cluster: Cluster | None = Field(None, description="The GPU cluster; Azure targets only.")
    services: dict[ServiceName, ServiceSpec] = Field(description="The scoring services, by name.", min_length=1)

    _origin: Origin = PrivateAttr(default_factory=Origin)
    _narrowed: bool = PrivateAttr(False)
    _all_services: dict[str, ServiceSpec] | None = PrivateAttr(None)

    @property
    def origin(self) -> Origin:
        """Where the keys stand in the user's files."""
        return self._origin

    @property
    def narrowed(self) -> bool:
        """Whether services of the deploy file were left out by `only`: then nothing is deleted for not being named."""
        return self._narrowed

    @property
    def all_services(self) -> dict[str, ServiceSpec]:
        """Every service of the deploy file, also those that `only` left out: they stand on the same nodes."""
        return self.services if self._all_services is None else self._all_services

    def only(self, names: Iterable[str]) -> Spec:
        """The same spec with just the named services, for ``--service``."""
        narrowed = self.model_copy(update={"services": {name: self.services[name] for name in names}})
        narrowed._origin = self._origin
        narrowed._all_services = self.all_services
        narrowed._narrowed = self._narrowed or narrowed.services.keys() != self.services.keys()
        return narrowed

    def alone(self) -> Spec:
        """The same spec as if no service had been left out: where there is nothing else on the target, as in a
        rehearsal."""
        whole = self.model_copy()
        whole._narrowed = False
        return whole
