"""What the deploy file declares against what the model's file says."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from scorewright.declared import batches, settle, undeclared
from scorewright.framework import InspectRequest
from scorewright.signature import Signature, TensorSpec
from scorewright.spec.models import Tensor

X = TensorSpec("x", "float32", (None, 4))
Y = TensorSpec("y", "float32", (None, 3))
FOUND = Signature((X,), (Y,), batch=True)


def request(
    inputs: tuple[TensorSpec, ...] | None = None,
    outputs: tuple[TensorSpec, ...] | None = None,
    names: tuple[str, ...] | None = None,
) -> InspectRequest:
    return InspectRequest(Path("model"), "kind", inputs, outputs, output_names=names)


def test_without_a_declaration_the_model_decides() -> None:
    assert settle(request(), FOUND) == (FOUND, ())


def test_the_only_input_may_have_any_name() -> None:
    signature, findings = settle(request(inputs=(TensorSpec("pixels", "float32", (None, 4)),)), FOUND)
    assert signature.inputs == (TensorSpec("pixels", "float32", (None, 4), "x"),)
    assert findings == ()


def test_a_friendly_name_points_at_the_tensor() -> None:
    two = Signature((X, TensorSpec("scope/Z:0", "int64", (None,))), (Y,), batch=True)
    declared = (X, TensorSpec("z", "int64", (None,), "scope/Z:0"))
    signature, findings = settle(request(inputs=declared), two)
    assert signature.inputs == declared
    assert findings == ()


def test_declared_outputs_narrow_the_outputs() -> None:
    found = Signature((X,), (Y, TensorSpec("z", "int64", (None,))), batch=True)
    signature, findings = settle(request(outputs=(TensorSpec("z", "int64", (None,)),)), found)
    assert [spec.name for spec in signature.outputs] == ["z"]
    assert findings == ()


def test_a_declared_length_narrows_an_open_axis_and_ends_batching() -> None:
    signature, findings = settle(request(inputs=(TensorSpec("x", "float32", (8, 4)),)), FOUND)
    assert signature.inputs[0].shape == (8, 4)
    assert not signature.batch
    assert findings == ()


def test_an_open_rank_takes_the_declared_shape() -> None:
    found = Signature((TensorSpec("x", "float32", None),), (Y,), batch=False)
    signature, _ = settle(request(inputs=(X,)), found)
    assert signature.inputs == (X,)


@pytest.mark.parametrize(
    "declared",
    [
        TensorSpec("x", "float32", (None, 7)),
        TensorSpec("x", "float64", (None, 4)),
        TensorSpec("x", "float32", (None, 2, 2)),
        TensorSpec("x", "float32", (None, None)),
    ],
    ids=["width", "dtype", "rank", "wider than the model"],
)
def test_a_contradiction_is_an_error_that_quotes_the_model(declared: TensorSpec) -> None:
    _, (finding,) = settle(request(inputs=(declared,)), FOUND)
    assert (finding.code, finding.path) == ("SW1214", "inputs.x")
    assert finding.hint is not None
    assert YAML(typ="safe").load(finding.hint.split("\n", 1)[1]) == {
        "inputs": {"x": {"dtype": "float32", "shape": [None, 4]}}
    }


def test_a_missing_input_is_an_error() -> None:
    found = Signature((X, TensorSpec("mask", "bool", (None, 4))), (Y,), batch=True)
    _, (finding,) = settle(request(inputs=(X,)), found)
    assert "'mask'" in finding.message


def test_a_missing_scalar_is_proposed_as_a_scalar() -> None:
    found = Signature((X, TensorSpec("is_training", "bool", ())), (Y,), batch=False)
    _, (finding,) = settle(request(inputs=(X,)), found)
    assert (finding.hint or "").endswith("is_training: {dtype: bool, shape: []}")


def test_a_mistyped_output_gets_the_nearest_name() -> None:
    found = Signature((X,), (TensorSpec("scores", "float32", (None, 3)),), batch=True)
    _, (finding,) = settle(request(names=("score",)), found)
    assert finding.hint == "write 'scores'"


def test_batches_needs_an_open_first_axis_everywhere() -> None:
    assert batches([X, Y])
    assert not batches([X, TensorSpec("y", "float32", (3,))])
    assert not batches([X, TensorSpec("y", "float32", ())])
    assert not batches([X, TensorSpec("y", "float32", None)])
    assert not batches([])


def test_the_hint_for_what_is_undeclared_is_yaml_that_the_deploy_file_takes() -> None:
    finding = undeclared(
        "nothing is said",
        inputs=[TensorSpec("no", "float32", (None, 4)), TensorSpec("a b", "int64", (), "scope/A:0")],
        outputs=[TensorSpec("scope/y:0", "float32", (None, None))],
    )
    assert finding.hint is not None
    written = YAML(typ="safe").load(finding.hint.split("\n", 1)[1])
    assert list(written["inputs"]) == ["no", "a b"]
    assert Tensor.model_validate(written["inputs"]["a b"]).tensor == "scope/A:0"
    assert Tensor.model_validate(written["outputs"]["scope/y:0"]).shape == [None, None]
