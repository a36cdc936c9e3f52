"""Up, up again, drift, change, down: the wanted state, and no write more than that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.plugins.azureml.conftest import EXAMPLE, HEAD, ONNX

from scorewright.errors import ApplyError, DeploymentError
from scorewright.plan import Action

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins.azureml.conftest import Azure


def actions(azure: Azure, spec: object) -> dict[str, Action]:
    """What a plan would do, by address."""
    return {step.address: step.action for step in azure.run.plan(spec).steps}  # type: ignore[arg-type]


def test_up_makes_the_cluster_the_model_and_the_service_once(azure: Azure) -> None:
    azure.up(azure.spec())
    writes = [request.action for request in azure.emulator.requests.writes()]
    assert writes.count("computes.put") == 1
    assert writes.count("services.create") == 1
    assert sorted(model.name for model in azure.emulator.world.models) == ["digits", "digits.bundle"]


def test_up_again_writes_nothing(azure: Azure) -> None:
    spec = azure.spec()
    azure.up(spec)
    azure.emulator.requests.clear()
    azure.up(spec)
    assert azure.emulator.requests.writes() == []
    assert set(actions(azure, spec).values()) == {Action.KEEP}


def test_drift_made_by_hand_is_shown_and_corrected(azure: Azure) -> None:
    spec = azure.spec()
    azure.up(spec)

    def by_hand(world: object) -> None:
        world.services["digits"].live["scoringTimeoutMs"] = 1000  # type: ignore[attr-defined]

    azure.emulator.change(by_hand)
    step = next(step for step in azure.run.plan(spec).steps if step.address == "service/digits")
    assert [(change.path, change.before, change.after) for change in step.changes] == [("timeout_ms", 1000, 60000)]
    azure.up(spec)
    assert azure.service()["scoringTimeoutMs"] == 60000


@pytest.mark.parametrize(
    ("before", "after", "path", "value"),
    [
        ("replicas: 2", "replicas: 1", ("numReplicas",), 1),
        ("gpu: require", "gpu: 'off'", ("containerResourceRequirements", "gpu"), 0),
        ("azureml: {description: digits}", "gpu: require", ("description",), None),
        ("gpu: require", "autoscale: {min: 1, max: 3}", ("autoScaler", "maxReplicas"), 3),
        ("autoscale: {min: 1, max: 3}", "replicas: 2", ("autoScaler", "autoscaleEnabled"), False),
    ],
)
def test_a_changed_setting_is_changed_in_place(
    azure: Azure, before: str, after: str, path: tuple[str, ...], value: object
) -> None:
    azure.up(azure.spec(f"{ONNX}    {before}\n"))
    spec = azure.spec(f"{ONNX}    {after}\n")
    assert actions(azure, spec)["service/digits"] is Action.UPDATE
    azure.up(spec)
    found: object = azure.service()
    for key in path:
        found = found[key]  # type: ignore[index]
    assert found == value
    assert set(actions(azure, spec).values()) == {Action.KEEP}


def test_a_new_version_is_tried_beside_the_live_one_and_leaves_no_candidate(azure: Azure) -> None:
    azure.up(azure.spec())
    azure.emulator.requests.clear()
    spec = azure.spec(ONNX + "    output: argmax\n")
    azure.up(spec)
    created = [request.body["name"] for request in azure.emulator.requests.all("services.create")]
    assert created == ["digits-next"]
    assert list(azure.emulator.world.services) == ["digits"]
    assert set(actions(azure, spec).values()) == {Action.KEEP}


def test_a_service_that_somebody_else_made_is_never_touched(azure: Azure) -> None:
    spec = azure.spec()
    azure.up(spec)

    def foreign(world: object) -> None:
        world.services["digits"].live["kvTags"] = {"team": "others"}  # type: ignore[attr-defined]

    azure.emulator.change(foreign)
    with pytest.raises(DeploymentError, match="digits"):
        azure.run.plan(azure.spec(ONNX + "    output: argmax\n"))
    azure.emulator.requests.clear()
    azure.run.destroy(spec)
    assert "services.delete" not in [request.action for request in azure.emulator.requests.writes()]


def test_a_cluster_that_somebody_else_made_serves_and_stays(azure: Azure) -> None:
    spec = azure.spec()
    azure.up(spec)

    def foreign(world: object) -> None:
        world.computes["aks-gpu"].tags = {}  # type: ignore[attr-defined]

    azure.emulator.change(foreign)
    assert set(actions(azure, spec).values()) == {Action.KEEP}
    left = azure.down(spec)
    assert list(azure.emulator.world.computes) == ["aks-gpu"]
    assert any("aks-gpu" in line for line in left)


def test_down_with_the_cluster_leaves_nothing(azure: Azure) -> None:
    spec = azure.spec()
    azure.up(spec)
    azure.up(azure.spec(ONNX + "    output: argmax\n"))
    assert azure.down(spec) == ()
    world = azure.emulator.world
    assert (list(world.computes), list(world.services), list(world.models)) == ([], [], [])


def test_a_cluster_on_which_others_services_run_is_not_deleted(azure: Azure) -> None:
    azure.up(azure.spec(head=HEAD.replace("workspace:", "project: ours\nworkspace:")))
    other = ONNX.replace("  digits:", "  letters:")
    azure.up(azure.spec(other, head=HEAD.replace("workspace:", "project: theirs\nworkspace:")))
    spec = azure.spec(head=HEAD.replace("workspace:", "project: ours\nworkspace:"))
    with pytest.raises(ApplyError) as caught:
        azure.down(spec)
    assert "letters" in str(caught.value.to_dict())
    assert list(azure.emulator.world.services) == ["letters"]
    assert list(azure.emulator.world.computes) == ["aks-gpu"]


def test_a_service_that_the_file_no_longer_names_goes_with_its_project(azure: Azure) -> None:
    head = HEAD.replace("workspace:", "project: ours\nworkspace:")
    azure.up(azure.spec(ONNX + ONNX.replace("  digits:", "  letters:"), head=head))
    azure.up(azure.spec(head=head))
    assert list(azure.emulator.world.services) == ["digits"]


def test_a_service_that_broke_down_is_deployed_again(azure: Azure) -> None:
    spec = azure.spec()
    azure.up(spec)

    def broken(world: object) -> None:
        world.services["digits"].state = "Unhealthy"  # type: ignore[attr-defined]

    azure.emulator.change(broken)
    assert actions(azure, spec)["service/digits"] is Action.UPDATE
    azure.up(spec)
    assert azure.emulator.world.services["digits"].state == "Healthy"
    assert set(actions(azure, spec).values()) == {Action.KEEP}


def test_going_back_to_an_earlier_content_registers_nothing_again(azure: Azure, tmp_path: Path) -> None:
    model = tmp_path / "mnist.onnx"
    services = ONNX.replace(f"{EXAMPLE}/models/mnist.onnx", str(model))
    first = (EXAMPLE / "models" / "mnist.onnx").read_bytes()
    second = first + b"\x82\x01\x00"  # an empty field that readers pass over
    for content in (first, second, first):
        model.write_bytes(content)
        spec = azure.spec(services)
        azure.up(spec)
        assert set(actions(azure, spec).values()) == {Action.KEEP}
    assert sorted(model.name for model in azure.emulator.world.models).count("digits") == 2


def test_projects_do_not_share_models_of_one_name(azure: Azure) -> None:
    ours, theirs = (HEAD.replace("workspace:", f"project: {name}\nworkspace:") for name in ("ours", "theirs"))
    named = ONNX.replace("mnist.onnx}", "mnist.onnx, name: shared}")
    azure.up(azure.spec(named, head=ours))
    azure.up(azure.spec(named.replace("  digits:", "  letters:"), head=theirs))
    azure.run.destroy(azure.spec(named, head=ours))
    world = azure.emulator.world
    assert sorted(model.name for model in world.models) == ["letters.bundle", "shared"]
    assert not azure.run.plan(azure.spec(named.replace("  digits:", "  letters:"), head=theirs)).changed
