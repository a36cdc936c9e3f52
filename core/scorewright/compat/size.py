"""All that is known of one VM size, and the newest of each framework that it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scorewright.catalogue import FRAMEWORKS
from scorewright.errors import ScorewrightError
from scorewright.price import hourly

from . import machine
from .fit import by_version
from .judge import judge_release
from .types import Need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.catalogue import Catalogue
    from scorewright.catalogue.models import Driver, Gpu, VmSize
    from scorewright.findings import Json

    from .types import Machine, Verdict


@dataclass(frozen=True)
class SizeReport:
    """``runs``: framework → the newest build that the size runs, None where it runs none. ``against``: why the size
    cannot carry GPU services. ``successor``: the size to take instead."""

    size: VmSize
    gpu: Gpu
    driver: Driver | None
    against: str | None
    successor: VmSize | None
    runs: dict[str, Verdict | None]

    def to_dict(self) -> dict[str, Json]:
        """The report as plain data."""
        runs: dict[str, Json] = {name: best.name if best else None for name, best in self.runs.items()}
        return {
            "vm_size": self.size.model_dump(mode="json"),
            "gpu": self.gpu.model_dump(mode="json"),
            "driver": self.driver.model_dump(mode="json") if self.driver else None,
            "usable": self.against is None,
            "against": self.against,
            "successor": self.successor.size if self.successor else None,
            "newest": runs,
        }

    def text(self) -> str:
        """The report for people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        size, gpu = self.size, self.gpu
        count = f"{size.gpu_count:g} x " if size.gpu_count >= 1 else f"{size.gpu_count:.2g} of "
        yield f"{size.size} ({size.series})"
        yield f"  GPU      {count}{gpu.name}, {gpu.architecture}, compute capability {gpu.compute_capability or 'none'}"
        yield f"  memory   {size.gpu_memory_gib:g} GiB on the GPU, {size.memory_gib:g} GiB beside {size.vcpu} vCPUs"
        yield f"  price    {self._price()}"
        yield f"  state    {size.status}{f' ({size.retirement_date})' if size.retirement_date else ''}"
        if self.driver is not None and self.driver.driver is not None:
            yield f"  driver   {self.driver.driver} on AKS nodes, runs CUDA up to {self.driver.max_cuda_major}"
        if self.against is not None:
            yield f"  cannot be used: {self.against}"
        if self.successor is not None:
            yield f"  take     {self.successor.size} instead"
        for framework, best in self.runs.items():
            jit = ", compiled at start" if _jit(best) else ""
            yield f"  {framework:<12} {best.name if best else 'none fits'}{jit}"
        if size.notes:
            yield f"  note     {size.notes}"
        yield f"  from     {'; '.join(size.source)} ({size.as_of}, {size.confidence} confidence)"

    def _price(self) -> str:
        price = hourly(self.size)
        if price is None:
            return "unknown"
        when = f"of {price.as_of}" if price.as_of else f"read on {self.size.as_of}"
        return f"about ${price.usd_per_hour:g} an hour in {price.region or 'some region'} ({when}; {price.source})"


def explain(name: str, catalogue: Catalogue) -> SizeReport:
    """The report on a size. Raises `ScorewrightError` (SW1311) with the nearest name if the catalogue has none such."""
    size = catalogue.vm_size(name)
    if size is None:
        near = catalogue.nearest_vm_size(name)
        steps = [f"did you mean {near.size}?"] if near else []
        raise ScorewrightError(
            "SW1311",
            f"there is no VM size {name} in the catalogue",
            steps=[*steps, "scorewright gpus --all lists them"],
        )
    reason = machine.unusable(size, catalogue)
    found = machine.find(size.size, catalogue).machine if reason is None else None
    return SizeReport(
        size=size,
        gpu=catalogue.gpus[size.gpu],
        driver=catalogue.drivers.get(size.driver or ""),
        against=reason.text if reason else None,
        successor=machine.successor(size, catalogue) if reason else None,
        runs={framework: newest(framework, found, catalogue) for framework in FRAMEWORKS} if found else {},
    )


def newest(framework: str, on: Machine, catalogue: Catalogue) -> Verdict | None:
    """The newest build of a framework that a machine runs, tested or not."""
    releases = catalogue.releases(framework)
    for key in reversed(by_version(releases)):
        verdicts = judge_release(Need(framework), releases[key], None, on, catalogue)
        if verdicts and verdicts[0].ok:
            return verdicts[0]
    return None


def _jit(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.fit == "jit"
