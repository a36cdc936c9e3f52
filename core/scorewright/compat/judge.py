"""One build of one release against one need: can it be taken, and if not, why not, all reasons at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from . import fit
from .types import SERVER, Fit, Need, Reason, Verdict

if TYPE_CHECKING:
    from scorewright.catalogue import Catalogue
    from scorewright.catalogue.models import Build, Release

    from .types import Machine


def judge_release(
    need: Need, release: Release, patch: str | None, machine: Machine | None, catalogue: Catalogue
) -> list[Verdict]:
    """A verdict on every build of a release, the best to take first; one verdict, the CPU form's, without GPU.

    ``patch``: the exact release that was asked for. A release that the index has no more gets no verdict.
    """
    if not release.patches and need.gpu:
        return []
    exact = patch or release.latest
    builds: list[Build | None] = list(release.builds) if need.gpu else [None]
    verdicts = [_judge(need, release, exact or release.minor, build, machine, catalogue) for build in builds]
    return sorted(verdicts, key=_preference)


def _preference(verdict: Verdict) -> tuple[bool, ...]:
    """Usable before not, proven code before compiled or unknown, plain install before variants, stable, newer CUDA."""
    build = verdict.build
    if build is None:
        return (verdict.ok,)
    return (
        not verdict.ok,
        verdict.fit is Fit.UNKNOWN,
        verdict.fit is Fit.JIT,
        not build.default,
        build.experimental,
        build.confidence == "low",
    )


def _judge(
    need: Need, release: Release, patch: str, build: Build | None, machine: Machine | None, catalogue: Catalogue
) -> Verdict:
    fact = f"{need.framework}/{release.minor}"
    pythons, against = _pythons(need, release, patch, build, fact, catalogue)
    against += _server(release, patch, fact)
    against += _model(need, release, fact)
    against += _patch(need, release, patch, build, fact)
    suits, caution = Fit.NATIVE, None
    if build is not None and machine is not None:
        suits, on_machine = _on_machine(release, build, machine, f"{fact}/{build.tag}", catalogue)
        against += on_machine
        caution = _older_than_gpu(build, machine, catalogue)
    image = fit.find_image(build, release.min_glibc, catalogue.images)
    if image is None:
        against.append(_no_image(build, fact))
    name = f"{need.framework} {patch}" + (f" ({build.tag})" if build else " (CPU)")
    return Verdict(release, patch, build, pythons, suits, image, tuple(against), name, caution)


def _pythons(
    need: Need, release: Release, patch: str, build: Build | None, fact: str, catalogue: Catalogue
) -> tuple[tuple[str, ...], list[Reason]]:
    server = catalogue.servers[SERVER]
    wheels = set(release.pythons_by_patch.get(patch, release.pythons))
    if build is not None and build.pythons is not None:
        wheels &= set(build.pythons)
    both = tuple(fit.by_version(wheels & set(server.pythons)))
    facts = (fact, f"servers/{SERVER}")
    if not both:
        text = f"runs on Python {_span(wheels)}, the scoring server on {_span(server.pythons)}"
        return both, [Reason(text, facts)]
    if need.python is not None and need.python not in both:
        return both, [Reason(f"runs on Python {_span(both)} with the scoring server, not on {need.python}", facts)]
    return both, []


def _span(versions: set[str] | tuple[str, ...]) -> str:
    ordered = fit.by_version(versions)
    if not ordered:
        return "none"
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


def _server(release: Release, patch: str, fact: str) -> list[Reason]:
    held = release.server_clash_patches
    if release.server_clash is None or (held and patch not in held):
        return []
    return [Reason(release.server_clash, (fact, f"servers/{SERVER}"))]


def _model(need: Need, release: Release, fact: str) -> list[Reason]:
    against = []
    writer = written(need)
    if writer is not None and need.version is None and fit.minor(release.minor) < writer[:2]:
        against.append(Reason(f"the model was written by the later {need.written_by}", (fact,)))
    if need.opset and release.max_opset and need.opset > release.max_opset:
        text = f"reads ONNX opset {release.max_opset} at most, the model needs {need.opset}"
        against.append(Reason(text, (fact, "rules/opset")))
    if need.ir and release.max_ir and need.ir > release.max_ir:
        text = f"reads ONNX IR version {release.max_ir} at most, the model has {need.ir}"
        against.append(Reason(text, (fact, "rules/opset")))
    return against


def written(need: Need) -> tuple[int, ...] | None:
    """The version that wrote the model as numbers, None where the file says none."""
    try:
        return Version(need.written_by).release if need.written_by else None
    except InvalidVersion:
        return None


def _patch(need: Need, release: Release, patch: str, build: Build | None, fact: str) -> list[Reason]:
    if build is None:
        return []
    if patch in build.broken_patches:
        return [Reason("cannot be installed with its CUDA packages", (f"{fact}/{build.tag}",))]
    if release.patches and patch not in release.patches and fit.numbers(patch) < fit.newest_patch(release):
        return [Reason("is not on the package index any more", (fact,))]
    return []


def _on_machine(
    release: Release, build: Build, machine: Machine, fact: str, catalogue: Catalogue
) -> tuple[Fit, list[Reason]]:
    against = _driver(build, machine, fact)
    if machine.size.cpu_arch == "arm64" and not release.arm64:
        against.append(Reason("has no GPU wheel for arm64", (fact, f"vm_sizes/{machine.size.size}")))
    capability = machine.gpu.compute_capability or "0"
    suits = fit.gpu_fit(build, capability)
    gpu = (fact, f"gpus/{machine.gpu.gpu}")
    if suits is Fit.NONE:
        codes = ", ".join([*(build.sass or ()), *(f"PTX {code}" for code in build.ptx)])
        text = f"has code for compute capability {codes}; {machine.gpu.name} has {capability}"
        against.append(Reason(text, (*gpu, "rules/gpu-ok")))
    kit = fit.toolkit_of(build, catalogue)
    if kit is not None:
        against += _toolkit(suits, build, machine, kit.toolkit, catalogue)
    return suits, against


def _driver(build: Build, machine: Machine, fact: str) -> list[Reason]:
    driver = machine.driver
    facts = (fact, f"drivers/{driver.kind}", "rules/driver-ok")
    if driver.driver is None or driver.max_cuda_major is None:
        return [Reason(f"needs an NVIDIA driver, {machine.size.size} has none", facts)]
    if fit.minor(build.cuda)[0] > driver.max_cuda_major:
        text = f"is made for CUDA {build.cuda}; driver {driver.driver} of {machine.size.size} runs CUDA up to "
        return [Reason(f"{text}{driver.max_cuda_major}", facts)]
    if not fit.driver_runs(driver.driver, build.min_driver):
        return [Reason(f"needs driver {build.min_driver}, {machine.size.size} has {driver.driver}", facts)]
    return []


def _toolkit(suits: Fit, build: Build, machine: Machine, name: str, catalogue: Catalogue) -> list[Reason]:
    kit = catalogue.toolkits[name]
    capability = machine.gpu.compute_capability or "0"
    against = []
    if fit.minor(kit.min_compute_capability) > fit.minor(capability):
        text = f"CUDA {name} starts at compute capability {kit.min_compute_capability}; {machine.gpu.name} has"
        facts = (f"toolkits/{name}", f"gpus/{machine.gpu.gpu}", "rules/toolkit-gpu")
        against.append(Reason(f"{text} {capability}", facts))
    driver = machine.driver.driver
    if suits is Fit.JIT and kit.own_driver and driver and not fit.driver_runs(driver, kit.own_driver):
        text = f"has only PTX of CUDA {name} for {machine.gpu.name}, which needs driver {kit.own_driver}, not {driver}"
        against.append(Reason(text, (f"toolkits/{name}", f"drivers/{machine.driver.kind}", "rules/ptx")))
    return against


def _older_than_gpu(build: Build, machine: Machine, catalogue: Catalogue) -> Reason | None:
    kit = fit.toolkit_of(build, catalogue)
    capability = machine.gpu.compute_capability
    if kit is None or kit.newest_compute_capability is None or capability is None:
        return None
    if fit.minor(capability) <= fit.minor(kit.newest_compute_capability):
        return None
    text = f"CUDA {kit.toolkit} is older than the {machine.gpu.name}: its libraries have no code made for it"
    return Reason(text, (f"toolkits/{kit.toolkit}", f"gpus/{machine.gpu.gpu}", "rules/toolkit-gpu"))


def _no_image(build: Build | None, fact: str) -> Reason:
    if build is None or build.libraries != "image":
        return Reason("no base image with a tag has a C library new enough", (fact, "rules/wheel-glibc"))
    need = f"CUDA {build.image_cuda} and cuDNN {build.cudnn}"
    return Reason(f"wants {need} from the image, and no image with a known tag has them", (f"{fact}/{build.tag}",))
