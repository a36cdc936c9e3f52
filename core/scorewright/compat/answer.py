"""From a verdict to what the core and users get: requirements, image, variables, explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.findings import Finding, Level
from scorewright.framework import Requirement, Resolution

from .fit import minor, numbers
from .types import SERVER, Fit, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scorewright.catalogue.models import Build, Release

    from .types import Machine, Need, Verdict

_NUMPY = "numpy>=1.26,<3"
_IMAGE_LIBRARIES = "/usr/local/cuda/lib64:/usr/local/nvidia/lib64:/usr/local/nvidia/lib"


def machine_line(machine: Machine) -> Reason:
    """The machine in one line."""
    size, gpu = machine.size, machine.gpu
    count = f"{size.gpu_count:g} x " if size.gpu_count >= 1 else f"{size.gpu_count:.2g} of "
    text = f"VM size {size.size}: {count}{gpu.name} (compute capability {gpu.compute_capability}), "
    return Reason(f"{text}{size.gpu_memory_gib:g} GiB, driver {machine.driver.driver}", machine.facts)


def resolution(
    need: Need, verdict: Verdict, machine: Machine | None, lines: Sequence[Reason], findings: Sequence[Finding]
) -> Resolution:
    """The answer for a verdict that is taken. ``lines``, ``findings``: what there is to say already."""
    python = need.python if need.python in verdict.pythons else verdict.pythons[-1]
    requirements = _requirements(need, verdict, machine)
    told = [*lines, *_lines(need, verdict, machine, python, requirements)]
    return Resolution(
        version=_version(verdict),
        python=python,
        pythons=verdict.pythons,
        requirements=tuple(requirements),
        image=verdict.image.reference if verdict.image else "",
        variables=_variables(need, verdict),
        choices=tuple(str(line) for line in told),
        findings=(*findings, *_warnings(need, verdict, machine)),
    )


def _version(verdict: Verdict) -> str:
    if verdict.build is None and verdict.release.cpu_version and verdict.patch == verdict.release.latest:
        return verdict.release.cpu_version
    return verdict.patch


def _pin(package: str, patch: str, local: str = "") -> str:
    """``==`` where all numbers are given, else any patch of the minor."""
    return f"{package}=={patch}{local}" if patch.count(".") >= 2 else f"{package}=={patch}.*"


def _requirements(need: Need, verdict: Verdict, machine: Machine | None) -> list[Requirement]:
    release, build = verdict.release, verdict.build
    cpu_patch = release.cpu_version if release.cpu_version and verdict.patch == release.latest else verdict.patch
    cpu = _pin(release.cpu_package, cpu_patch)
    main = build or next((one for one in release.builds if one.default), None)
    gpu = (
        _pin(build.package, verdict.patch, build.local)
        if build
        else _pin(release.cpu_package, cpu_patch, release.cpu_local)
    )
    twin = {name for name in (main.package.split("[")[0],) if name != release.cpu_package} if main else set()
    found = [
        Requirement(
            gpu,
            cpu,
            same_as=tuple(sorted(twin)),
            index=build.index if build else release.cpu_index,
            cpu_index=release.cpu_index,
            with_gpu=tuple(_gpu_pins(build, machine)),
        )
    ]
    found += [Requirement(pin, pin) for pin in map(_numpy, release.pins)]
    if need.keras == 2 and release.keras == 3:
        found.append(Requirement(f"tf-keras=={release.minor}.*", f"tf-keras=={release.minor}.*"))
    return found


def _numpy(pin: str) -> str:
    return _NUMPY if pin == "numpy" else pin


def _gpu_pins(build: Build | None, machine: Machine | None) -> list[str]:
    if build is None or machine is None or machine.gpu.compute_capability is None:
        return []
    have = minor(machine.gpu.compute_capability)
    return [pin.requirement for pin in build.pins if have < minor(pin.below)]


def _variables(need: Need, verdict: Verdict) -> dict[str, str]:
    variables = {}
    if verdict.build is not None:
        variables["NVIDIA_DRIVER_CAPABILITIES"] = "compute,utility"
        if verdict.build.libraries == "image":
            variables["LD_LIBRARY_PATH"] = _IMAGE_LIBRARIES
    if need.keras == 2 and verdict.release.keras == 3:
        variables["TF_USE_LEGACY_KERAS"] = "1"
    return variables


def _lines(
    need: Need, verdict: Verdict, machine: Machine | None, python: str, requirements: Sequence[Requirement]
) -> list[Reason]:
    release, build = verdict.release, verdict.build
    fact = f"{need.framework}/{release.minor}"
    lines = [Reason(f"{verdict.name}: taken, {_why(need, release)}", (fact,))]
    if build is not None:
        lines.append(_libraries(build, fact, machine))
    if verdict.caution is not None:
        lines.append(verdict.caution)
    image = verdict.image
    if image is not None:
        lines.append(Reason(f"image {image.reference}: glibc {image.glibc}", (f"images/{image.image}", fact)))
    lines.append(Reason(f"Python {python}: the newest of {', '.join(verdict.pythons)}", (fact, f"servers/{SERVER}")))
    pins = [*requirements[0].with_gpu, *(requirement.gpu for requirement in requirements[1:])]
    lines += [Reason(f"{pin}: {_pin_reason(pin)}", (fact,)) for pin in pins]
    return lines


def _why(need: Need, release: Release) -> str:
    if need.version is not None:
        asked = numbers(need.version)[:2]
        return "as asked for" if minor(release.minor)[: len(asked)] == asked else "the nearest to the one asked for"
    return "the release that this scorewright is tested with" if release.tested else "the newest that fits"


def _libraries(build: Build, fact: str, machine: Machine | None) -> Reason:
    where = {"pip": "its own packages", "wheel": "the wheel itself", "image": "the image"}[build.libraries]
    runs = f"; driver {build.min_driver} or later"
    if machine is not None and machine.driver.driver:
        runs += f", the nodes have {machine.driver.driver}"
    facts = [f"{fact}/{build.tag}"]
    if build.libraries != "image":
        facts.append("rules/pip-cuda-wins")
    return Reason(f"CUDA {build.cuda} from {where}{runs}", tuple(facts))


def _pin_reason(requirement: str) -> str:
    if requirement.startswith("nvidia-cudnn"):
        return "later cuDNN has no code for this GPU"
    if requirement.startswith("tf-keras"):
        return "the model is a Keras 2 file"
    return "the release needs it and does not say so itself"


def _warnings(need: Need, verdict: Verdict, machine: Machine | None) -> list[Finding]:
    said = []
    if verdict.build is not None and machine is not None:
        said += _gpu_warnings(verdict, machine)
    image = verdict.image
    if image is not None and image.status == "deprecated":
        since = f" since {image.deprecated_on}" if image.deprecated_on else ""
        message = f"the base image {image.reference} is deprecated{since}: it stays, but gets no more updates"
        hint = "later releases bring CUDA as packages of their own and need no image for it"
        said.append(("SW1306", message, hint))
    return [Finding(Level.WARNING, code, message, hint=hint, path="framework") for code, message, hint in said]


def _gpu_warnings(verdict: Verdict, machine: Machine) -> list[tuple[str, str, str]]:
    said = []
    gpu, try_it = machine.gpu.name, "try it on one node first, or take another GPU"
    if verdict.fit is Fit.JIT:
        message = f"{verdict.name} has no machine code for {gpu}: the driver compiles it when it first loads"
        hint = "the first start takes minutes longer: raise probes.initial_delay_seconds, or take another GPU"
        said.append(("SW1305", message, hint))
    elif verdict.fit is Fit.UNKNOWN:
        said.append(("SW1305", f"it is not known which GPUs {verdict.name} has code for", try_it))
    elif verdict.caution is not None:
        said.append(("SW1305", f"{verdict.name}: {verdict.caution.text}", try_it))
    if machine.size.cpu_arch == "arm64" and verdict.image is not None:
        message = f"{machine.size.size} is an arm64 machine, and {verdict.image.reference} is known for x86_64 only"
        said.append(("SW1306", message, "take an x86_64 size, or try the image on one node first"))
    return said
