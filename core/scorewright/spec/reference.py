"""The reference page of the deploy file, made from the models: ``python -m scorewright.spec.reference > PAGE``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from .kinds import Kind, of_field, words
from .models import Spec
from .yamltext import flow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo


INTRODUCTION = """\
# deploy.yaml

<!-- Made from the models by `python -m scorewright.spec.reference`; change it there. -->

A deploy file says which models are served, how, and where. `scorewright init MODEL` writes one,
`scorewright schema` prints its JSON Schema, and `scorewright check` finds all its faults at once, each with its line.

```yaml
scorewright: 1
services:
  mnist:
    model:
      path: models/mnist.onnx
```

## How it is read

- The file is YAML 1.2: `yes`, `no`, `on` and `off` are text; true and false are `true` and `false`. A key may not be
  given twice. Anchors, aliases and `<<` work; tags that make objects do not.
- Relative paths start at the folder of the file that says them; `~` is your home folder.
- Text that looks like a number needs quotes: `version: "2.10"`. A number in quotes is text: write `replicas: 3`.

### Variables

`${NAME}` in a value is replaced by the environment variable, `${NAME:-default}` by the default where the variable is
not set or empty. `$$` is a plain `$`. Keys are not expanded. What comes from a variable stays one text, whatever it
holds; a field that needs a number or true/false reads it as one. A variable that is not set and has no default is a
fault; in `workspace` it is one only on a target that needs the workspace, so that the same file serves on `local`.
Messages show `${NAME}`, never the value.

### Several files

`-f base.yaml -f prod.yaml` lays the second file over the first. Mappings merge key by key; lists and single values
replace what was there. A null in a later file takes the key out, so that its default counts again: `replicas: null`
makes room for `autoscale`, and `services: {canary: null}` removes a service.

### One value for one run

`--set services.mnist.replicas=5` is laid over the files, the last one winning. A dot inside a key is written `\\.`,
and an item of a list is named by its number: `--set services.mnist.packages.pip.0=shap`. A value that begins with `[`,
`{` or a quote is YAML; `null` or nothing takes the key out; everything else is one text that the field reads as it
needs. Relative paths start at the current folder.
"""


def reference() -> str:
    """The page as Markdown."""
    return "\n".join([INTRODUCTION, *_section(Kind(Spec), ())]) + "\n"


def _section(kind: Kind, path: tuple[str, ...]) -> Iterator[str]:
    model = kind.model
    assert model is not None
    below: list[tuple[Kind, tuple[str, ...]]] = []
    title = ".".join(path)
    yield f"## `{title}`" if path else "## The file"
    yield ""
    if path:
        yield f"{model.__doc__}"
        yield ""
    yield "| key | allowed | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for name, field in model.model_fields.items():
        yield f"| `{name}` | {_cell(words(of_field(field)))} | {_default(field)} | {_cell(field.description or '')} |"
        below += [(inner, (*path, name, *more)) for inner, more in _models(of_field(field))]
    yield ""
    for inner, where in below:
        yield from _section(inner, where)


def _models(kind: Kind) -> Iterator[tuple[Kind, tuple[str, ...]]]:
    """The models that a key may hold, with the path from the key to them."""
    for option in kind.alternatives():
        if option.model is not None:
            yield option, ()
        elif option.base is dict:
            values = option.below("NAME")
            assert values is not None
            yield from ((inner, ("NAME", *more)) for inner, more in _models(values))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default: Any = field.get_default(call_default_factory=True)
    if default is None:
        return ""
    return "see below" if isinstance(default, BaseModel) else f"`{flow(default)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference())
