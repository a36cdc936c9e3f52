"""Imports are followed through a bundle as Python would, and those that no package brings are found."""

from __future__ import annotations

import pytest

from scorewright.lock.imports import Import, lacking, outside


def _modules(**files: str) -> list[str]:
    named = {name.replace("__", "/") + ".py": text.encode() for name, text in files.items()}
    return [found.module for found in outside(named)]


def test_imports_of_python_itself_and_of_the_bundle_are_inside() -> None:
    assert _modules(score="import os, json\nimport helper", helper="from __future__ import annotations") == []


def test_imports_are_followed_into_the_bundles_own_files() -> None:
    files = {
        "score.py": b"from scorewright_runtime import Service",
        "scorewright_runtime/__init__.py": b"from .service import Service",
        "scorewright_runtime/service.py": b"import numpy as np\nfrom .frameworks import onnx",
        "scorewright_runtime/frameworks/__init__.py": b"",
        "scorewright_runtime/frameworks/onnx.py": b"def load():\n    import onnxruntime",
        "scorewright_runtime/frameworks/pytorch.py": b"def load():\n    import torch",
    }
    assert outside(files) == [
        Import("numpy", "scorewright_runtime/service.py", 1),
        Import("onnxruntime", "scorewright_runtime/frameworks/onnx.py", 2),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import fast\nexcept ImportError:\n    fast = None",
        "try:\n    import fast\nexcept (ModuleNotFoundError, OSError):\n    fast = None",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import fast",
    ],
)
def test_imports_that_may_fail_are_not_needed(text: str) -> None:
    assert _modules(handler=text) == []


def test_imports_inside_of_functions_and_branches_of_the_users_code_are_needed() -> None:
    text = "import sys\ndef preprocess(request, inputs):\n    if sys.platform:\n        import cv2\n"
    assert _modules(handler=text + "try:\n    import a\nexcept ValueError:\n    import b") == ["a", "b", "cv2"]


def test_the_runtimes_general_modules_import_inside_of_functions_only_what_the_file_asks_for() -> None:
    files = {
        "score.py": b"import scorewright_runtime.images",
        "scorewright_runtime/__init__.py": b"",
        "scorewright_runtime/images.py": b"def decode():\n    from PIL import Image",
    }
    assert outside(files) == []


def test_the_import_and_its_place_are_named_where_nothing_brings_it() -> None:
    needed = outside({"handler.py": b"import sklearn\nimport cv2\nimport numpy\nimport yaml_like\nimport my_own"})
    lacks = lacking(needed, ["numpy==2", "scikit-learn==1.7", "opencv-python==4.1", "yaml-like==1"])
    assert lacks == [Import("my_own", "handler.py", 5)]
