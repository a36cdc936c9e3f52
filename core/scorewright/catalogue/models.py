"""The rows of the catalogue. Every row says where it is from, when it was read and how sure it is."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Text: TypeAlias = str | None
Status: TypeAlias = Literal["current", "capacity-limited", "retired", "past-retirement-date"]


class Part(BaseModel):
    """A value inside a row."""

    # Validators are built for the tables that a run looks at, not for all.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Row(Part):
    """A fact. ``source``: addresses or what was read; ``as_of``: the day, None only in a user's own row;
    ``confidence``: low warns, never refuses."""

    source: tuple[str, ...] = Field(min_length=1)
    as_of: str | None = Field(None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    confidence: Literal["high", "medium", "low"] = "high"
    notes: Text = None


class Gpu(Row):
    """A GPU. ``compute_capability``: None for other makes than NVIDIA; ``memory_gib``: of one whole GPU."""

    gpu: str
    name: str
    vendor: Literal["nvidia", "amd"]
    architecture: str
    compute_capability: Text = None
    memory_gib: float
    first_cuda: Text = None
    last_cuda: Text = None


class Exemption(Part):
    """Regions where a retired size lives on until a day."""

    regions: tuple[str, ...]
    until: str


class Price(Part):
    """A list price, Linux, pay as you go: rough by nature. ``as_of``: None where the list bears no date."""

    usd_per_hour: float = Field(ge=0)
    region: Text = None
    as_of: Text = None
    source: str
    confidence: Literal["high", "medium", "low"] = "low"


class VmSize(Row):
    """A VM size with a GPU.

    ``gpu_count``: below 1 is a slice of one GPU. ``gpu_memory_gib``: of all GPUs of the VM together. ``aks``: ``yes``
    where AKS runs it and installs an NVIDIA driver, ``no-driver`` where it installs none. ``driver``: kind in `Driver`.
    """

    size: str
    series: str
    vcpu: int = Field(gt=0)
    memory_gib: float = Field(gt=0)
    gpu: str
    gpu_count: float = Field(gt=0)
    gpu_memory_gib: float = Field(gt=0)
    cpu_arch: Literal["x86_64", "arm64"] = "x86_64"
    status: Status = "current"
    retirement_date: Text = None
    retirement_exceptions: tuple[Exemption, ...] = ()
    replacement: Text = None
    aks: Literal["yes", "no", "no-driver", "unlisted"] = "yes"
    driver: Text = None
    managed_endpoint: bool = False
    price: Price | None = None

    @property
    def gone(self) -> bool:
        """No new VM of this size can be had, but in the regions of ``retirement_exceptions``."""
        return self.status in ("retired", "past-retirement-date")


class Driver(Row):
    """The NVIDIA driver that AKS puts on a kind of node."""

    kind: str
    driver: Text = None
    max_cuda_major: int | None = None
    native_cuda: Text = None
    used_for: Text = None


class Toolkit(Row):
    """A CUDA toolkit. ``min_driver``: the oldest that may run it; ``own_driver``: the one released with it."""

    toolkit: str
    min_driver: str
    own_driver: Text = None
    min_compute_capability: str
    newest_compute_capability: Text = None


class Image(Row):
    """A base image. ``tag``: a tag known to exist; None is no tag known. ``glibc``: decides which wheels install."""

    image: str
    tag: Text = None
    ubuntu: Text = None
    glibc: str
    cuda: Text = None
    cudnn_major: int | None = None
    status: Literal["supported", "deprecated"] = "supported"
    deprecated_on: Text = None

    @property
    def reference(self) -> str:
        """Name and tag, as a Dockerfile writes it."""
        return f"{self.image}:{self.tag}" if self.tag else self.image


class Server(Row):
    """A release of the scoring server and the Pythons it runs on."""

    package: str
    version: str
    pythons: tuple[str, ...]


class Pin(Part):
    """A pin for GPUs below a compute capability."""

    below: str
    requirement: str


class Build(Part):
    """One GPU build of a release.

    ``package``, ``local``: the requirement is ``package==patch+local``. ``libraries``: where CUDA comes from: ``pip``
    packages, the ``wheel`` itself, or the ``image``, then ``image_cuda`` says which. ``sass``, ``ptx``: compute
    capabilities with machine code and with PTX; ``sass`` None is not known.
    """

    tag: str
    package: str
    local: str = ""
    index: Text = None
    index_flag: Text = None
    libraries: Literal["pip", "wheel", "image"]
    image_cuda: Text = None
    default: bool = False
    experimental: bool = False
    cuda: str
    cudnn: Text = None
    min_driver: str
    sass: tuple[str, ...] | None = None
    ptx: tuple[str, ...] = ()
    pythons: tuple[str, ...] | None = None
    broken_patches: tuple[str, ...] = ()
    pins: tuple[Pin, ...] = ()
    source: Text = None
    confidence: Literal["high", "medium", "low"] = "high"
    notes: Text = None


class Release(Row):
    """One minor release of a framework.

    ``latest``: the patch to take unless another is asked for. ``tested``: the test-suite of this scorewright runs it.
    ``pythons``: those of ``latest``; ``pythons_by_patch``: of patches that differ. ``patches``: empty where the index
    has none any more. ``pins``: always needed beside it. ``server_clash``: why it cannot share an environment with the
    scoring server; ``server_clash_patches``: the patches that this holds for, empty for all. ``link``: ``hard`` fails
    to import without CUDA, ``dlopen`` serves from the CPU in silence. ``builds``: GPU builds.
    """

    minor: str
    latest: Text = None
    released: Text = None
    patches: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()
    pythons_by_patch: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    min_glibc: Text = None
    min_pip: Text = None
    tested: bool = False
    arm64: bool = False
    cpu_package: str
    cpu_version: Text = None
    cpu_index: Text = None
    cpu_local: str = ""
    keras: int | None = None
    max_opset: int | None = None
    max_ir: int | None = None
    server_clash: Text = None
    server_clash_patches: tuple[str, ...] = ()
    link: Literal["hard", "dlopen", "wheel"] = "wheel"
    pins: tuple[str, ...] = ()
    builds: tuple[Build, ...] = ()


class Conflict(Row):
    """Packages that do not work together, or not at all.

    ``packages``: requirements; the rule holds where an environment meets all of them.
    """

    id: str
    packages: tuple[str, ...]
    text: str
    fix: str


class Limit(Row):
    """A number that Azure or Kubernetes works with, and what it means."""

    id: str
    text: str
    value: float | None = None
    cpu: float = 0
    memory_gb: float = 0
    per_pod_gb: float = 0
    fixed_gb: float = 0
    share: float = 0
    pods: int = 0
    steps: tuple[tuple[float, float], ...] = ()


class Rule(Row):
    """How facts combine, in words; explanations name it by its id."""

    id: str
    rule: str
