"""What every target must do, as tests. Subclass `TargetConformance` in a test module of yours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from scorewright.client import ServiceClient
from scorewright.errors import DeploymentError
from scorewright.plan import Action
from scorewright.target import DeleteRequest, DesiredRequest, Target, TargetRequest

from .deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from scorewright.events import Event


def _silent(event: Event) -> None:
    pass


class TargetConformance:
    """The suite for targets. Give it a fixture ``target``; override ``values`` if deploy files need more keys.

    It deploys small models that multiply (see `echo`); their bundles run in Azure's scoring server with numpy alone.
    """

    @pytest.fixture
    def target(self) -> Target:
        """The target, with nothing on it that these tests could meet."""
        raise TypeError(f"{type(self).__name__} needs a fixture named target")

    @pytest.fixture
    def values(self) -> Mapping[str, Any]:
        """Top-level keys that the deploy files need besides services, such as ``workspace``."""
        return {}

    @pytest.fixture
    def deployment(self, tmp_path: Path, target: Target, values: Mapping[str, Any]) -> Iterator[Deployment]:
        """A deploy file in a folder, with one service ``first``; whatever it deploys is taken down afterwards."""
        deployment = Deployment(tmp_path / "deployment", target, values)
        deployment.folder.mkdir()
        deployment.serve("first")
        yield deployment
        deployment.down()

    def test_what_is_desired_is_the_same_every_time_and_changes_nothing(self, deployment: Deployment) -> None:
        plan = deployment.deployer.plan(deployment.spec)
        request = DesiredRequest(deployment.spec, _silent, plan.bundles)
        assert deployment.target.desired(request) == deployment.target.desired(request)
        assert deployment.target.observe(request) == deployment.target.observe(request)
        assert deployment.deployer.plan(deployment.spec) == plan

    def test_properties_are_plain_data(self, deployment: Deployment) -> None:
        deployment.up()
        for live in deployment.target.observe(TargetRequest(deployment.spec, _silent)):
            assert json.loads(json.dumps(dict(live.properties))) == dict(live.properties)
            assert json.loads(json.dumps(dict(live.info))) == dict(live.info)

    def test_a_service_is_created_and_answers(self, deployment: Deployment) -> None:
        result = deployment.up()
        assert result["first"].score({"data": [[1.0, 2.0, 3.0]]}) == [[2.0, 4.0, 6.0]]
        (live,) = [found for found in deployment.deployer.status(deployment.spec) if found.kind == "service"]
        assert (live.name, live.state, live.ours, live.owned) == ("first", "healthy", True, True)
        assert live.info["scoring_uri"] == result["first"].scoring_uri

    def test_what_has_not_changed_is_kept(self, deployment: Deployment) -> None:
        deployment.up()
        plan = deployment.deployer.plan(deployment.spec)
        assert {step.action for step in plan.steps} == {Action.KEEP}

    def test_a_change_is_made_and_then_kept(self, deployment: Deployment) -> None:
        deployment.up()
        deployment.serve("first", scale=5.0)
        assert deployment.deployer.plan(deployment.spec).changed
        deployment.up()
        assert deployment.answer("first") == [[5.0, 5.0, 5.0]]
        assert not deployment.deployer.plan(deployment.spec).changed

    def test_services_do_not_disturb_each_other(self, deployment: Deployment) -> None:
        deployment.serve("second", scale=3.0)
        deployment.up()
        deployment.serve("second", scale=4.0)
        deployment.up()
        assert deployment.answer("first") == [[2.0, 2.0, 2.0]]
        assert deployment.answer("second") == [[4.0, 4.0, 4.0]]

    @pytest.mark.parametrize("fault", ["wrong answer", "crash"])
    def test_a_new_version_that_fails_does_not_take_the_old_one_down(self, deployment: Deployment, fault: str) -> None:
        deployment.up()
        if fault == "crash":
            deployment.serve("first", scale=7.0, fails="init")
        else:
            deployment.serve("first", scale=7.0)
            deployment.expect("first", [[8.0, 8.0, 8.0]])
        with pytest.raises(DeploymentError):
            deployment.up()
        assert deployment.answer("first") == [[2.0, 2.0, 2.0]]
        assert deployment.deployer.plan(deployment.spec).changed

    def test_after_a_failure_the_next_good_version_goes_up(self, deployment: Deployment) -> None:
        deployment.serve("first", fails="init")
        with pytest.raises(DeploymentError):
            deployment.up()
        deployment.serve("first", scale=3.0)
        deployment.up()
        assert deployment.answer("first") == [[3.0, 3.0, 3.0]]

    def test_a_key_can_be_made_anew_while_the_other_stays_valid(self, deployment: Deployment) -> None:
        old = deployment.up()["first"].endpoint
        before = deployment.deployer.keys(deployment.spec, "first")
        after = deployment.deployer.regenerate_key(deployment.spec, "first", "primary")
        assert len({before.primary, before.secondary, after.primary}) == 3
        assert after.secondary == before.secondary
        assert deployment.deployer.keys(deployment.spec, "first") == after
        assert deployment.answer("first") == [[2.0, 2.0, 2.0]]
        with ServiceClient(old) as client:
            assert client.send(b'{"data": [[1, 1, 1]]}').status in (401, 403)

    def test_a_key_is_in_no_event_and_in_nothing_observed(self, deployment: Deployment) -> None:
        deployment.up()
        keys = deployment.deployer.keys(deployment.spec, "first")
        said = [json.dumps(event.to_dict()) for event in deployment.events]
        said += [repr(live) for live in deployment.deployer.status(deployment.spec)]
        said += [repr(keys), repr(deployment.deployer.endpoint(deployment.spec, "first"))]
        said += deployment.deployer.logs(deployment.spec, "first")
        assert not [text for text in said if keys.primary in text or keys.secondary in text]

    def test_there_are_logs(self, deployment: Deployment) -> None:
        deployment.up()
        assert list(deployment.deployer.logs(deployment.spec, "first"))

    @pytest.mark.parametrize("call", ["endpoint", "keys", "regenerate_key", "rollback", "logs"])
    def test_a_service_that_does_not_exist_is_said_so(self, deployment: Deployment, call: str) -> None:
        with pytest.raises(DeploymentError):
            found = getattr(deployment.deployer, call)(deployment.spec, "first")
            list(found if call == "logs" else ())

    def test_a_rollback_brings_the_version_before(self, deployment: Deployment) -> None:
        deployment.up()
        deployment.serve("first", scale=5.0)
        deployment.up()
        deployment.deployer.rollback(deployment.spec, "first")
        assert deployment.answer("first") == [[2.0, 2.0, 2.0]]
        assert deployment.deployer.plan(deployment.spec).changed

    def test_down_deletes_everything_and_the_service_answers_no_more(self, deployment: Deployment) -> None:
        endpoint = deployment.up()["first"].endpoint
        assert not [line for line in deployment.down() if "first" in line]
        assert deployment.target.observe(TargetRequest(deployment.spec, _silent)) == ()
        with pytest.raises(DeploymentError), ServiceClient(endpoint, timeout=5) as client:
            client.score({"data": [[1.0, 1.0, 1.0]]})

    def test_deleting_what_is_gone_is_no_failure(self, deployment: Deployment) -> None:
        deployment.up()
        (live,) = [found for found in deployment.deployer.status(deployment.spec) if found.kind == "service"]
        request = DeleteRequest(deployment.spec, _silent, live)
        deployment.target.delete(request)
        deployment.target.delete(request)

    def test_down_works_after_a_failed_up(self, deployment: Deployment) -> None:
        deployment.serve("first", fails="init")
        with pytest.raises(DeploymentError):
            deployment.up()
        deployment.down()
        assert deployment.target.observe(TargetRequest(deployment.spec, _silent)) == ()
