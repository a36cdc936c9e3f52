"""What ``check`` says about this machine before anything is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scorewright.errors import DeploymentError
from scorewright.findings import Level
from scorewright.target import DesiredRequest
from scorewright_local.environment import has_gpu
from scorewright_local.target import LOCAL

if TYPE_CHECKING:
    from tests.plugins.local.conftest import Workbench

    from scorewright.findings import Finding


def findings(bench: Workbench, **service: object) -> list[Finding]:
    bench.services["digits"] = bench.service(**service)
    return list(LOCAL.check(DesiredRequest(bench.spec, bench.events.append, {})))


def test_an_ordinary_service_is_fine(bench: Workbench) -> None:
    assert findings(bench) == []


@pytest.mark.parametrize(
    ("service", "code", "level", "path"),
    [
        ({"model": {"name": "registered", "version": 3}}, "SW2012", Level.ERROR, "services.digits.model"),
        ({"replicas": 3}, "SW2013", Level.INFO, "services.digits.replicas"),
        ({"autoscale": {"min": 1, "max": 4}}, "SW2013", Level.INFO, "services.digits.autoscale"),
        ({"packages": {"conda": ["ffmpeg"]}}, "SW2015", Level.WARNING, "services.digits.packages.conda"),
    ],
)
def test_what_has_no_meaning_on_this_machine_is_said(
    bench: Workbench, service: dict[str, object], code: str, level: Level, path: str
) -> None:
    (finding,) = findings(bench, **service)

    assert (finding.code, finding.level, finding.path) == (code, level, path)


def test_a_required_gpu_that_is_not_there_is_refused(bench: Workbench) -> None:
    codes = [finding.code for finding in findings(bench, gpu="require")]

    assert codes == ([] if has_gpu() else ["SW2014"])


def test_windows_and_a_missing_extra_are_named(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    assert [finding.code for finding in findings(bench)] == ["SW2002"]
    with pytest.raises(DeploymentError, match="Linux or macOS"):
        bench.up(bench.bundle())


def test_a_registered_model_is_refused_by_up_too(bench: Workbench) -> None:
    bundle = bench.bundle()

    with pytest.raises(DeploymentError) as caught:
        bench.up(type(bundle)(**{**vars(bundle), "model_path": None}))

    assert caught.value.code == "SW2012"
    assert bench.observe() == ()
