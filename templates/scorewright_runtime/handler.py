"""The user's ``handler.py``: hooks before and after the model.

``preprocess(request, inputs)`` is called with the `Request` (``method``, ``headers`` by lower-case names, ``body``) and
the values of the body by name: decoded JSON (lists, numbers, strings, objects) for JSON bodies, arrays for V2, npy, npz
and image bodies, nothing for content types that the service does not know. ``{"data": …}`` comes under the name of the
model's only input, or as ``data`` where it has several. It returns what the model takes, arrays or lists by input name;
None means the values as they came. What it returns is held against the signature. A `ValueError` refuses the request:
400 with its message. Any other exception is a 500.

``postprocess(outputs)`` is called with the model's outputs, arrays by name, of this request alone. If it returns arrays
by name, they are answered like outputs; anything else (lists, strings, dictionaries) is answered as JSON as it stands.

Hooks may run in several threads at a time.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .errors import BadRequest, RequestError, StartError, Unanswered

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .types import Arrays, Request


class Preprocess(Protocol):
    """``preprocess(request, inputs)``"""

    def __call__(self, request: Request, inputs: dict[str, Any]) -> Mapping[str, Any] | None:
        """What the model takes, or None for the inputs as they came."""


class Postprocess(Protocol):
    """``postprocess(outputs)``"""

    def __call__(self, outputs: Arrays) -> object:
        """Arrays by name, or anything that JSON can say."""


class Handler(NamedTuple):
    """The hooks that a handler has."""

    preprocess: Preprocess | None = None
    postprocess: Postprocess | None = None

    def before(self, request: Request, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """``preprocess``, its exceptions translated: `BadRequest` (SW1522) or `Unanswered` (SW1531)."""
        if self.preprocess is None:
            return values
        try:
            changed = self.preprocess(request, dict(values))
        except (RequestError, TimeoutError):
            raise
        except ValueError as error:
            raise BadRequest("SW1522", str(error) or "the handler refused the request") from error
        except Exception as error:  # user code: whatever it raises, the service lives on and the log has it
            raise Unanswered("SW1531", "the handler's preprocess failed; the service's log has the reason") from error
        if changed is None:
            return values
        if not isinstance(changed, dict) or not all(isinstance(name, str) for name in changed):
            text = f"the handler's preprocess returned {type(changed).__name__}, not a dictionary by input name"
            raise Unanswered("SW1531", text)
        return changed

    def after(self, outputs: Arrays) -> object:
        """``postprocess``, its exceptions translated: `Unanswered` (SW1531)."""
        if self.postprocess is None:
            return outputs
        try:
            return self.postprocess(outputs)
        except (RequestError, TimeoutError):
            raise
        except Exception as error:  # as above
            raise Unanswered("SW1531", "the handler's postprocess failed; the service's log has the reason") from error


def load_handler(path: Path) -> Handler:
    """The hooks in a file. Raises `StartError` (SW1503) where it cannot be loaded or has none."""
    if not path.is_file():
        raise StartError("SW1503", f"the handler {path.name} is not in the bundle ({path})")
    spec = importlib.util.spec_from_file_location("scorewright_handler", path)
    if spec is None or spec.loader is None:
        raise StartError("SW1503", f"the handler {path.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # user code: the reason is chained and ends up in the log
        raise StartError("SW1503", f"the handler {path.name} cannot be loaded: {error!r}") from error
    hooks = Handler(getattr(module, "preprocess", None), getattr(module, "postprocess", None))
    if hooks == Handler():
        raise StartError("SW1503", f"the handler {path.name} has neither preprocess nor postprocess")
    for name, hook in zip(hooks._fields, hooks):
        if hook is not None and not callable(hook):
            raise StartError("SW1503", f"{name} in the handler {path.name} is no function")
    return hooks
