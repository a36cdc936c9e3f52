"""The plan: what is compared, in which order it would be done, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorewright.errors import DeploymentError
from scorewright.plan import Action, Plan, Step, diff
from scorewright.spec.models import Spec
from scorewright.target import LiveResource, Resource

if TYPE_CHECKING:
    from scorewright.findings import Json

SPEC = Spec.model_validate({"scorewright": 1, "services": {"mnist": {"model": {"name": "mnist"}}}})
KINDS = ["cluster", "model", "environment", "service"]


def wanted(name: str = "mnist", kind: str = "service", **properties: Json) -> Resource:
    return Resource(kind, name, properties, hourly_usd=0.0)


def there(name: str = "mnist", kind: str = "service", **properties: Json) -> LiveResource:
    return LiveResource(kind, name, properties, ours=True, owned=True)


def only(steps: tuple[Step, ...]) -> Step:
    (step,) = steps
    return step


def plan(*steps: Step) -> Plan:
    return Plan("memory", steps, SPEC)


def test_what_does_not_exist_is_created() -> None:
    assert only(diff([wanted(replicas=1)], [])).action is Action.CREATE


def test_what_is_as_it_shall_be_is_kept() -> None:
    assert only(diff([wanted(replicas=1)], [there(replicas=1)])).action is Action.KEEP


def test_a_property_that_differs_is_an_update_with_both_values() -> None:
    step = only(diff([wanted(replicas=3, cpu=2)], [there(replicas=1, cpu=2)]))
    assert (step.action, step.reason) == (Action.UPDATE, "replicas differs")
    assert [str(change) for change in step.changes] == ["replicas: 1 -> 3"]


def test_properties_that_only_the_live_resource_has_are_not_compared() -> None:
    assert not only(diff([wanted(replicas=1)], [there(replicas=1, created="today")])).changed


def test_below_a_property_everything_is_compared() -> None:
    step = only(diff([wanted(tags={"a": "1", "b": "2"})], [there(tags={"b": "3", "c": "4"})]))
    assert [(change.path, change.before, change.after) for change in step.changes] == [
        ("tags.a", None, "1"),
        ("tags.b", "3", "2"),
        ("tags.c", "4", None),
    ]


@pytest.mark.parametrize(
    ("live", "desired", "changed"),
    [(2, 2.0, False), ([1.0], [1], False), (1, True, True), ([0], [False], True), (None, 0, True), ("1", 1, True)],
)
def test_values_are_equal_as_json(live: Json, desired: Json, changed: bool) -> None:
    assert only(diff([wanted(value=desired)], [there(value=live)])).changed is changed


def test_a_property_that_cannot_be_changed_in_place_replaces() -> None:
    resource = replace(wanted(vm_size="NC6", nodes=2), replace_on=frozenset(["vm_size"]))
    step = only(diff([resource], [there(vm_size="NC4", nodes=2)]))
    assert (step.action, step.reason) == (Action.REPLACE, "vm_size cannot be changed in place")
    assert "no answer" in step.downtime


def test_what_stands_on_something_replaced_is_replaced_too() -> None:
    cluster = replace(wanted("gpus", "cluster", vm_size="new"), replace_on=frozenset(["vm_size"]))
    service = replace(wanted(), depends_on=("cluster/gpus",))
    steps = diff([service, cluster], [there("gpus", "cluster", vm_size="old"), there()])
    assert [(step.address, step.action) for step in steps] == [
        ("cluster/gpus", Action.REPLACE),
        ("service/mnist", Action.REPLACE),
    ]


@pytest.mark.parametrize("state", ["failed", "unhealthy", "changing"])
def test_what_is_not_healthy_is_brought_back(state: str) -> None:
    step = only(diff([wanted()], [replace(there(), state=state)]))
    assert (step.action, step.reason) == (Action.UPDATE, f"it is {state}")


def test_what_others_made_is_used_as_it_stands() -> None:
    assert not only(diff([wanted(size=1)], [replace(there(size=1), ours=False, state="unhealthy")])).changed


def test_what_others_made_is_not_changed_and_that_is_said_at_once() -> None:
    strangers = [replace(there(name, size=1), ours=False, owned=False) for name in ("one", "two")]
    with pytest.raises(DeploymentError) as caught:
        diff([wanted("one", size=2), wanted("two", size=2)], strangers)
    assert caught.value.code == "SW1701"
    assert "service/one, service/two" in caught.value.summary


def test_only_what_belongs_to_the_file_is_deleted() -> None:
    live = [there("old"), replace(there("theirs"), owned=False), replace(there("before"), spare=True)]
    assert [(step.address, step.action) for step in diff([], live)] == [("service/old", Action.DELETE)]
    assert diff([], live, prune=False) == ()


def test_deletions_come_last_and_what_others_stand_on_last_of_all() -> None:
    live = [there("old", kind) for kind in KINDS]
    steps = diff([wanted("new")], live)
    assert [step.address for step in steps] == [
        "service/new",
        "service/old",
        "environment/old",
        "model/old",
        "cluster/old",
    ]
    assert steps[1].depends_on == ("service/new",)
    assert set(steps[4].depends_on) == {"service/new", "service/old", "environment/old", "model/old"}


@pytest.mark.parametrize(
    ("resources", "cause"),
    [
        (
            [replace(wanted("a"), depends_on=("service/b",)), replace(wanted("b"), depends_on=("service/a",))],
            "each other",
        ),
        ([wanted(), wanted()], "service/mnist is there twice"),
        ([replace(wanted(), depends_on=("cluster/gpus",))], "service/mnist depends on cluster/gpus, which is nowhere"),
    ],
)
def test_resources_that_are_not_consistent_are_refused(resources: list[Resource], cause: str) -> None:
    with pytest.raises(DeploymentError) as caught:
        diff(resources, [])
    assert caught.value.code == "SW1702"
    assert cause in str(caught.value.cause)


def test_a_dependency_may_exist_without_being_wanted() -> None:
    live = replace(there("gpus", "cluster"), ours=False, owned=False)
    assert only(diff([replace(wanted(), depends_on=("cluster/gpus",))], [live])).action is Action.CREATE


@given(st.data())
def test_every_step_comes_after_what_it_depends_on(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 12))
    names = [f"r{index}" for index in range(count)]
    resources = []
    for index, name in enumerate(names):
        below = data.draw(st.sets(st.sampled_from(names[:index]) if index else st.nothing()))
        resources.append(replace(wanted(name, version=1), depends_on=tuple(sorted(f"service/{one}" for one in below))))
    live = [
        there(name, version=data.draw(st.integers(0, 1))) for name in [*names, "x", "y"] if data.draw(st.booleans())
    ]
    steps = diff(data.draw(st.permutations(resources)), live)
    seen: set[str] = set()
    for step in steps:
        assert set(step.depends_on) <= seen
        seen.add(step.address)
    assert {step.address for step in steps if step.resource} == {resource.address for resource in resources}
    assert {step.address for step in steps if step.action is Action.DELETE} == {
        found.address for found in live if found.name in ("x", "y")
    }


@given(st.dictionaries(st.sampled_from("abc"), st.integers() | st.text() | st.lists(st.integers()), max_size=3))
def test_a_resource_that_became_what_was_wanted_is_kept(properties: dict[str, Json]) -> None:
    desired, live = Resource("service", "one", properties), LiveResource("service", "one", properties, True, True)
    assert not only(diff([desired], [live])).changed


def test_values_that_may_be_secret_are_not_shown() -> None:
    step = only(
        diff([wanted(env={"API_TOKEN": "new-one"})], [there(env={"API_TOKEN": "old-one", "DB_PASSWORD": "x1y2"})])
    )
    for text in (str(plan(step)), json.dumps(plan(step).to_dict()), repr(step)):
        assert "(hidden)" in text
        assert not [secret for secret in ("new-one", "old-one", "x1y2") if secret in text]


@pytest.mark.parametrize(("before", "after"), [(None, {"API_TOKEN": "s3cr3t"}), ({"API_TOKEN": "s3cr3t"}, None)])
def test_a_mapping_that_comes_or_goes_is_compared_key_by_key(before: Json, after: Json) -> None:
    step = only(diff([wanted(env=after)], [there(env=before)]))
    assert [change.path for change in step.changes] == ["env.API_TOKEN"]
    assert "s3cr3t" not in str(plan(step)) + repr(step)
    assert not only(diff([wanted(env={})], [there()])).changed


def test_a_plan_prints_each_step_with_its_mark_and_reason() -> None:
    steps = diff([wanted("new"), wanted("same"), wanted(replicas=3)], [there("same"), there(replicas=1), there("old")])
    lines = str(plan(*steps)).splitlines()
    assert lines[0] == "Plan for memory: 1 to create, 1 to update, 1 to keep, 1 to delete"
    assert [line.split()[:2] for line in lines[1:] if "/" in line] == [
        ["+", "service/new"],
        ["=", "service/same"],
        ["~", "service/mnist"],
        ["-", "service/old"],
    ]
    assert "          replicas: 1 -> 3" in lines


def test_a_plan_is_plain_data() -> None:
    steps = diff([wanted(replicas=3)], [there(replicas=1)])
    data = plan(*steps).to_dict()
    assert json.loads(json.dumps(data)) == data
    assert data["changed"] is True
    assert plan(*steps).changes == steps


def test_a_plan_tells_the_price_of_what_is_there_afterwards() -> None:
    steps = (
        *diff([replace(wanted("gpus", "cluster"), hourly_usd=1.578)], []),
        *diff([replace(wanted(), hourly_usd=None)], [there()]),
        *diff([], [there("old")]),
    )
    priced = plan(*steps)
    assert priced.hourly_usd == pytest.approx(1.578)
    assert priced.to_dict()["monthly_usd"] == pytest.approx(1151.94)
    assert str(priced).splitlines()[-1] == (
        "Price: $1.58 per hour, $1,152 per month while it exists; not known for service/mnist"
    )


def test_what_costs_nothing_has_no_line_about_price() -> None:
    assert "Price" not in str(plan(*diff([wanted()], [])))
