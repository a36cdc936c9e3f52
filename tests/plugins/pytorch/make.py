"""Small real models of every PyTorch format."""

from __future__ import annotations

# ruff: noqa: ANN401 - the networks are imported from files that the tests write
import importlib.util
import sys
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MODULE = '''"""Networks that the tests' weights belong to."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.register_buffer("calls", torch.zeros(2, dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)
'''


FURTHER = '''"""Networks for programs and scripts."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Two(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> dict[str, Tensor]:
        return {"sum": left + right, "more": left > right}


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x * 2, x / 2


class Deep(nn.Module):
    """Widths that tell the layers apart."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU())
        self.last = nn.Linear(8, 5)

    def forward(self, image: Tensor) -> Tensor:
        return self.last(self.first(image).mean(dim=[2, 3]))


class Words(nn.Module):
    """Refuses numbers that it does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 2)

    def forward(self, word: Tensor) -> Tensor:
        return self.table(word)
'''


def imported(path: Path) -> Any:
    """A Python file as a module, importable under its own name."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def make_all(folder: Path) -> Path:
    """Every model below ``folder``, under the names that the tests use."""
    import torch

    torch.manual_seed(0)
    (folder / "net.py").write_text(MODULE)
    (folder / "further.py").write_text(FURTHER)
    net, further = imported(folder / "net.py").Net().eval(), imported(folder / "further.py")
    _weights(net, folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls TorchScript deprecated
        torch.jit.save(torch.jit.trace(net, torch.zeros(1, 4)), folder / "traced.pt")  # type: ignore[no-untyped-call]
        scripts = {"scripted": net, "pair": further.Pair(), "words": further.Words(), "deep": further.Deep()}
        for name, module in scripts.items():
            torch.jit.script(module).save(str(folder / f"{name}.pt"))
    _programs(net, further, folder)
    return folder


def _weights(net: Any, folder: Path) -> None:
    import torch

    torch.save(net.state_dict(), folder / "weights.pt")
    torch.save(net.state_dict(), folder / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "model_state_dict": net.state_dict(), "optimizer": {"lr": 0.1}}, folder / "training.pt")
    torch.save({"epoch": 3}, folder / "nothing.pt")
    torch.save(net, folder / "module.pt")
    from safetensors.torch import save_file

    save_file(net.state_dict(), folder / "weights.safetensors")


def _programs(net: Any, further: Any, folder: Path) -> None:
    import torch

    batch = torch.export.Dim("batch")
    few = torch.export.Dim("few", max=8)
    x = torch.zeros(2, 4)
    programs = {
        "program": torch.export.export(net, (x,), dynamic_shapes={"x": {0: batch}}),
        "few": torch.export.export(net, (x,), dynamic_shapes={"x": {0: few}}),
        "fixed": torch.export.export(net, (x,)),
        "pair": torch.export.export(further.Pair(), (x,), dynamic_shapes={"x": {0: batch}}),
        "two": torch.export.export(
            further.Two(),
            (x,),
            {"right": x.to(torch.float16)},
            dynamic_shapes={"left": {0: batch}, "right": {0: batch}},
        ),
        "picture": torch.export.export(
            torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()),
            (torch.zeros(2, 3, 8, 8),),
            dynamic_shapes=({0: batch, **{axis: torch.export.Dim(f"a{axis}", min=4, max=64) for axis in (2, 3)}},),
        ),
        "brain": torch.export.export(further.Pair(), (x.to(torch.bfloat16),), dynamic_shapes={"x": {0: batch}}),
    }
    for name, program in programs.items():
        torch.export.save(program, folder / f"{name}.pt2")
