"""From a deploy file to a target and back, on the target in memory."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from scorewright import hookspecs
from scorewright.deployer import Deployer
from scorewright.errors import ApplyError, CheckError, DeploymentError, PluginError
from scorewright.findings import Finding, Level
from scorewright.plan import Action
from scorewright.plugins import PluginManager
from scorewright.target import DesiredRequest, LiveResource
from scorewright.testing import Deployment, MemoryTarget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scorewright.events import Event
    from scorewright.plan import Plan


@pytest.fixture
def memory() -> Iterator[MemoryTarget]:
    with MemoryTarget() as target:
        yield target


@pytest.fixture
def deployment(tmp_path: Path, memory: MemoryTarget) -> Deployment:
    """Two services of one project on a cluster; nothing is deployed yet."""
    made = Deployment(tmp_path, memory.record, {"project": "demo", "cluster": {"name": "gpus"}})
    made.serve("first")
    made.serve("second", scale=3.0)
    return made


def actions(plan: Plan) -> dict[str, Action]:
    """What is done to services and clusters."""
    return {step.address: step.action for step in plan.steps if step.address.startswith(("service", "cluster"))}


def writes(memory: MemoryTarget) -> list[tuple[str, str]]:
    """What was changed since the last time, services and clusters only."""
    done = [call for call in memory.calls if call[1].startswith(("service", "cluster"))]
    memory.calls.clear()
    return done


def about_services(findings: tuple[Finding, ...]) -> list[Finding]:
    """The findings about services; others may have something to say about the cluster."""
    return [finding for finding in findings if str(finding.path).startswith("services.")]


class Watcher:
    """A plugin with a policy and an ear."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.heard: list[Event] = []
        self.fails = False

    @hookspecs.hookimpl
    def scorewright_check(self) -> list[Finding]:
        return self.findings

    @hookspecs.hookimpl
    def scorewright_event(self, event: Event) -> None:
        self.heard.append(event)
        if self.fails:
            raise OSError("no network")


def test_up_makes_everything_in_order_and_up_again_writes_nothing(deployment: Deployment, memory: MemoryTarget) -> None:
    result = deployment.up()
    assert memory.calls.index(("create", "cluster/gpus")) < memory.calls.index(("create", "service/first"))
    assert sorted(result) == ["first", "second"]
    assert len(result) == 2
    memory.calls.clear()
    again = deployment.up()
    assert memory.calls == []
    assert again["second"].score({"data": [[1, 1, 1]]}) == [[3.0, 3.0, 3.0]]
    assert again["second"].device == "cpu"


def test_a_service_that_the_file_no_longer_names_is_deleted_last(deployment: Deployment, memory: MemoryTarget) -> None:
    deployment.up()
    writes(memory)
    del deployment.services["first"]
    deployment.serve("third")
    deployment.up()
    assert writes(memory) == [("create", "service/third"), ("delete", "service/first")]


def test_without_a_project_up_deletes_nothing_and_down_deletes_it(deployment: Deployment) -> None:
    deployment.values = {}
    deployment.up()
    del deployment.services["first"]
    assert actions(deployment.deployer.plan(deployment.spec)) == {"service/second": Action.KEEP}
    deployment.down()
    assert deployment.deployer.status(deployment.spec) == ()


def test_a_narrowed_spec_changes_and_deletes_only_what_it_names(deployment: Deployment, memory: MemoryTarget) -> None:
    deployment.up()
    writes(memory)
    deployment.serve("first", scale=9.0)
    deployment.serve("second", scale=9.0)
    narrowed = deployment.spec.only(["first"])
    deployer = deployment.deployer
    assert actions(deployer.plan(narrowed)) == {"service/first": Action.UPDATE, "cluster/gpus": Action.KEEP}
    deployer.apply(deployer.plan(narrowed))
    assert [found.name for found in deployer.status(narrowed) if found.kind == "service"] == ["first"]
    deployer.destroy(narrowed, cluster=True)
    assert writes(memory) == [("update", "service/first"), ("delete", "service/first")]
    assert deployment.answer("second") == [[3.0, 3.0, 3.0]]


def test_down_keeps_the_cluster_unless_told_and_says_what_is_left(deployment: Deployment, memory: MemoryTarget) -> None:
    deployment.up()
    plan = deployment.deployer.plan_destroy(deployment.spec)
    assert actions(plan)["cluster/gpus"] is Action.KEEP
    assert deployment.deployer.destroy(deployment.spec) == ("cluster/gpus",)
    writes(memory)
    assert deployment.down() == ()
    assert writes(memory) == [("delete", "cluster/gpus")]


def test_what_others_made_survives_down(deployment: Deployment, memory: MemoryTarget) -> None:
    memory.put(LiveResource("service", "theirs", {}, ours=False, owned=False))
    memory.put(LiveResource("service", "other-project", {}, ours=True, owned=False))
    deployment.up()
    deployment.down()
    assert {found.name for found in deployment.deployer.status(deployment.spec)} == {"theirs", "other-project"}


def test_a_found_cluster_of_somebody_elses_is_used_and_not_deleted(
    deployment: Deployment, memory: MemoryTarget
) -> None:
    size = {"vm_size": "Standard_NC4as_T4_v3"}
    memory.put(LiveResource("cluster", "gpus", size, ours=False, owned=False))
    deployment.up()
    deployment.down()
    assert not [call for call in memory.calls if call[1].startswith("cluster")]


def test_a_name_that_somebody_else_has_is_refused_before_anything_is_done(
    deployment: Deployment, memory: MemoryTarget
) -> None:
    memory.put(LiveResource("service", "first", {"hash": "other"}, ours=False, owned=False))
    with pytest.raises(DeploymentError) as caught:
        deployment.up()
    assert caught.value.code == "SW1701"
    assert memory.calls == []


def test_drift_made_by_hand_is_shown_and_corrected(deployment: Deployment, memory: MemoryTarget) -> None:
    deployment.up()
    (live,) = [found for found in deployment.deployer.status(deployment.spec) if found.name == "first"]
    memory.put(replace(live, properties={**live.properties, "replicas": 7}), "demo")
    plan = deployment.deployer.plan(deployment.spec)
    assert [str(change) for step in plan.changes for change in step.changes] == ["replicas: 7 -> 1"]
    deployment.up()
    assert not deployment.deployer.plan(deployment.spec).changed


@pytest.mark.parametrize("change", ["property", "gone", "new", "owner"])
def test_a_plan_is_refused_if_the_world_has_moved(deployment: Deployment, memory: MemoryTarget, change: str) -> None:
    deployment.up()
    deployment.serve("first", scale=9.0)
    deployment.serve("third")
    plan = deployment.deployer.plan(deployment.spec)
    memory.calls.clear()
    (live,) = [found for found in deployment.deployer.status(deployment.spec) if found.name == "first"]
    if change == "property":
        memory.put(replace(live, properties={**live.properties, "replicas": 7}), "demo")
    elif change == "owner":
        memory.put(live, "another project")
    elif change == "new":
        memory.put(LiveResource("service", "third", {}, ours=False, owned=False))
    else:
        deployment.deployer.destroy(deployment.spec.only(["first"]))
        memory.calls.clear()
    with pytest.raises(DeploymentError) as caught:
        deployment.deployer.apply(plan)
    assert caught.value.code == "SW1705"
    assert ("third" if change == "new" else "first") in str(caught.value.cause)
    assert memory.calls == []


def test_what_was_to_be_deleted_and_is_gone_is_no_reason_to_refuse(deployment: Deployment) -> None:
    deployment.up()
    plan = deployment.deployer.plan_destroy(deployment.spec)
    deployment.deployer.destroy(deployment.spec.only(["first"]))
    deployment.deployer.apply(plan)
    assert [found.address for found in deployment.deployer.status(deployment.spec)] == ["cluster/gpus"]


def test_a_plan_for_another_target_is_refused(deployment: Deployment, memory: MemoryTarget) -> None:
    plan = deployment.deployer.plan(deployment.spec)
    other = Deployer(replace(memory.record, name="other"), plugins=deployment.deployer.plugins)
    with pytest.raises(DeploymentError) as caught:
        other.apply(plan)
    assert caught.value.code == "SW1707"


def test_one_service_that_fails_does_not_stop_the_other(deployment: Deployment) -> None:
    deployment.serve("first", fails="init")
    with pytest.raises(ApplyError) as caught:
        deployment.up()
    assert list(caught.value.failures) == ["service/first"]
    assert "service/second" in caught.value.done
    assert caught.value.steps[-1] == "then go on with: scorewright up -t memory"
    assert caught.value.to_dict()["failures"] == {"service/first": caught.value.failures["service/first"].to_dict()}
    deployment.serve("first")
    assert set(deployment.up()) == {"first", "second"}


@pytest.mark.parametrize("verb", ["up", "down"])
def test_a_run_that_broke_off_anywhere_is_finished_by_the_next(
    deployment: Deployment, memory: MemoryTarget, verb: str
) -> None:
    """Every change in turn is the last one of a run; the next run brings it to the wanted state."""
    deployer = Deployer(memory.record, plugins=deployment.deployer.plugins, workers=1)
    for at in range(20):
        if verb == "down":
            deployment.up()
        memory.calls.clear()

        def break_off(call: str, address: str, last: int = at) -> None:
            if len(memory.calls) > last:
                raise ConnectionError("the machine went away")

        memory.before = break_off
        try:
            if verb == "up":
                deployer.apply(deployer.plan(deployment.spec))
            else:
                deployer.destroy(deployment.spec, cluster=True)
            broke = False
        except ApplyError:
            broke = True
        memory.before = lambda call, address: None
        if verb == "up":
            deployment.up()
            assert deployment.answer("first") == [[2.0, 2.0, 2.0]]
            assert not deployment.deployer.plan(deployment.spec).changed
        assert deployment.down() == ()
        assert deployment.deployer.status(deployment.spec) == ()
        if not broke:
            return
    raise AssertionError("the run never came to its end")


def test_an_interrupted_run_says_how_to_go_on_and_the_next_run_does(
    deployment: Deployment, memory: MemoryTarget
) -> None:
    memory.before = lambda verb, address: os.kill(os.getpid(), signal.SIGINT) if address == "cluster/gpus" else None
    with pytest.raises(ApplyError) as caught:
        deployment.up()
    assert caught.value.code == "SW1704"
    assert caught.value.steps == ("go on with: scorewright up -t memory",)
    assert ("create", "service/first") not in memory.calls
    memory.before = lambda verb, address: None
    assert set(deployment.up()) == {"first", "second"}


def test_a_check_that_refuses_stops_the_plan_with_every_finding(deployment: Deployment, memory: MemoryTarget) -> None:
    deployment.services["first"]["model"] = {"path": "gone.echo"}
    deployment.services["second"]["handler"] = "gone.py"
    report = deployment.deployer.check(deployment.spec)
    assert not report.ok
    with pytest.raises(CheckError) as caught:
        deployment.deployer.plan(deployment.spec)
    assert caught.value.code == "SW1700"
    assert caught.value.findings == report.findings
    errors = [finding.code for finding in about_services(report.findings) if finding.level is Level.ERROR]
    assert errors == ["SW1281", "SW1401"]
    assert json.loads(json.dumps(report.to_dict()))["findings"][0]["location"]["line"] == 1
    assert memory.calls == []


def test_warnings_refuse_only_a_strict_check(deployment: Deployment) -> None:
    watcher = Watcher()
    watcher.findings = [Finding(Level.WARNING, "ACME1", "ask first", path="services.first")]
    deployment.deployer.plugins.register(watcher)
    assert deployment.deployer.check(deployment.spec).ok
    strict = deployment.deployer.check(deployment.spec, strict=True)
    assert not strict.ok
    assert set(watcher.findings) <= set(strict.errors)
    assert set(watcher.findings) <= set(deployment.deployer.plan(deployment.spec).findings)


def test_the_targets_own_checks_see_the_bundles(deployment: Deployment, memory: MemoryTarget) -> None:
    seen: list[DesiredRequest] = []

    def check(request: DesiredRequest) -> tuple[Finding, ...]:
        seen.append(request)
        return (Finding(Level.ERROR, "SW2199", "no quota"),)

    deployer = Deployer(replace(memory.record, check=check), plugins=deployment.deployer.plugins)
    with pytest.raises(CheckError, match="1 check refuses"):
        deployer.plan(deployment.spec)
    assert sorted(seen[0].bundles) == ["first", "second"]


def test_what_is_wrong_with_a_bundle_is_a_finding_beside_all_others(deployment: Deployment) -> None:
    deployment.serve("first", output={"top_k": 2, "labels": "gone.txt"})
    deployment.serve("second", handler="gone.py")
    findings = about_services(deployment.deployer.check(deployment.spec).findings)
    assert [finding.code for finding in findings if finding.level is Level.ERROR] == ["SW1401", "SW1401"]


def test_events_tell_the_run_to_the_caller_and_to_plugins(deployment: Deployment) -> None:
    watcher = Watcher()
    deployment.deployer.plugins.register(watcher)
    deployment.up()
    kinds = [event.kind for event in deployment.events]
    assert (kinds[0], kinds[-1]) == ("plan", "run.finished")
    assert kinds.count("step.started") == kinds.count("step.finished") == len(deployment.events[0].data["steps"])  # type: ignore[arg-type]
    assert watcher.heard == deployment.events
    assert json.loads(json.dumps([event.to_dict() for event in deployment.events]))


def test_a_failed_run_ends_with_an_event_that_says_so(deployment: Deployment) -> None:
    deployment.serve("first", fails="init")
    with pytest.raises(ApplyError):
        deployment.up()
    assert (deployment.events[-1].kind, deployment.events[-1].data) == ("run.finished", {"ok": False})


def test_observers_that_fail_are_told_of_once_and_fail_nothing(deployment: Deployment) -> None:
    watcher = Watcher()
    watcher.fails = True
    deployment.deployer.plugins.register(watcher, name="watcher")
    heard: list[Event] = []

    def listen(event: Event) -> None:
        heard.append(event)
        raise RuntimeError("the pipe is closed")

    deployer = deployment.deployer
    deployer.apply(deployer.plan(deployment.spec), on_event=listen)
    told = [event.message for event in heard if event.kind == "log"]
    assert len(told) == 2
    assert "on_event: RuntimeError: the pipe is closed" in told[0]
    assert "plugin 'watcher': scorewright_event raised OSError: no network" in told[1]
    assert deployment.answer("first") == [[2.0, 2.0, 2.0]]


def test_a_service_that_the_file_does_not_name_is_answered_with_the_nearest(deployment: Deployment) -> None:
    for call in ("endpoint", "client", "logs", "keys", "regenerate_key", "rollback"):
        with pytest.raises(DeploymentError) as caught:
            getattr(deployment.deployer, call)(deployment.spec, "frist")
        assert (caught.value.code, caught.value.steps) == ("SW1708", ("write 'first'",))


def test_only_two_keys_can_be_made_anew(deployment: Deployment) -> None:
    with pytest.raises(ValueError, match="'tertiary'"):
        deployment.deployer.regenerate_key(deployment.spec, "first", "tertiary")


def test_a_rollback_is_proven_but_not_held_to_todays_answer(deployment: Deployment) -> None:
    deployment.up()
    deployment.serve("first", scale=5.0)
    deployment.expect("first", [[5.0, 5.0, 5.0]])
    deployment.up()
    deployment.deployer.rollback(deployment.spec, "first")
    assert deployment.answer("first") == [[2.0, 2.0, 2.0]]


def test_a_rollback_works_when_the_model_of_today_is_gone(deployment: Deployment) -> None:
    deployment.up()
    deployment.serve("first", scale=5.0)
    deployment.up()
    spec = deployment.spec
    (deployment.folder / "first.echo").unlink()
    deployment.deployer.rollback(spec, "first")
    assert deployment.answer("first") == [[2.0, 2.0, 2.0]]


def test_the_model_before_stays_for_a_rollback_and_goes_with_down(deployment: Deployment) -> None:
    def models() -> int:
        return len([found for found in deployment.deployer.status(deployment.spec) if found.kind == "model"])

    deployment.up()
    deployment.serve("first", scale=5.0)
    deployment.up()
    assert models() == 3
    assert not deployment.deployer.plan(deployment.spec).changed
    deployment.down()
    assert models() == 0


def test_a_target_is_found_by_name_or_given() -> None:
    with pytest.raises(PluginError) as caught:
        Deployer("locla")
    assert caught.value.steps[0] == "write 'local'"
    with MemoryTarget() as memory:
        assert Deployer(memory.record, plugins=PluginManager()).target is memory.record


def test_many_services_in_one_file_are_planned_and_made(tmp_path: Path, memory: MemoryTarget) -> None:
    deployment = Deployment(tmp_path, memory.record)
    for number in range(30):
        deployment.serve(f"service-{number}")
    assert len(deployment.up()) == 30
    assert not deployment.deployer.plan(deployment.spec).changed


def test_a_result_reads_like_a_mapping(deployment: Deployment) -> None:
    result: Any = deployment.up()
    assert dict(result).keys() == {"first", "second"}
    assert repr(result) == "Result(first, second)"
    with pytest.raises(KeyError):
        result["third"]
