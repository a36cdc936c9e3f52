"""Writes the pages of docs/ that are made from the code, so that they cannot be wrong.

python docs/generate.py            write them
python docs/generate.py --check    exit with 1 and name the stale ones, write nothing
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from importlib import import_module
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any

import click

from scorewright import diagnosis, explain, hookspecs
from scorewright.cli.options import FORMATS, SHARED, common
from scorewright.cli.verbs import VERBS
from scorewright.framework_options import allowed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

REFERENCE = Path(__file__).parent / "reference"
NOTE = "<!-- Made by docs/generate.py from the code. Do not edit. -->\n"
FRAMEWORKS = ("scorewright_onnx", "scorewright_pytorch", "scorewright_tensorflow")
RECORDS = ("framework", "target", "signature", "bundle", "events", "findings")
RANGES = {
    "10": "Deploy file",
    "11": "Plugins",
    "12": "Models and frameworks",
    "13": "Compatibility and locks",
    "14": "Preflight",
    "15": "Scoring service",
    "16": "Bundles",
    "17": "Plan, apply and golden request",
    "18": "Benchmarks",
    "19": "Command line",
    "20": "Target local",
    "21": "Target azureml",
    "22": "Causes of failed deployments",
    "23": "Rehearsal",
}


def cli_page() -> Iterator[str]:
    """The reference of the command."""
    yield "# Command reference\n"
    yield NOTE
    yield "`scorewright VERB [OPTIONS]`, also `python -m scorewright`. Options stand after the verb.\n"
    yield "Exit codes: 0 done; 1 the operation failed; 2 bad usage, bad file or failed check; 130 interrupted.\n"
    shared: set[str | None] = {parameter.name for parameter in shared_options()}
    for section in dict.fromkeys(verb.section for verb in VERBS.values()):
        yield f"## {section}\n"
        for name, verb in VERBS.items():
            if verb.section == section:
                yield from _verb(f"scorewright {name}", verb.load(), shared)
    yield "## Options of every verb\n"
    yield _options(shared_options())


def shared_options() -> list[click.Option]:
    """The options that every verb takes."""
    command = click.command()(common()(lambda run: None))
    assert len(command.params) == len(SHARED) + 2, FORMATS
    return [parameter for parameter in command.params if isinstance(parameter, click.Option)]


def _verb(name: str, command: click.Command, shared: set[str | None]) -> Iterator[str]:
    if isinstance(command, click.Group):
        for sub, inner in command.commands.items():
            yield from _verb(f"{name} {sub}", inner, shared)
        return
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    own = [one for one in command.params if isinstance(one, click.Option) and _own(one, shared)]
    words = " ".join(one.make_metavar(click.Context(command)) for one in arguments)
    yield f"### {name}\n"
    yield f"```text\n{name} {words} [OPTIONS]\n```\n".replace("  ", " ")
    yield inspect.cleandoc(command.help or "") + "\n"
    if own:
        yield _options(own)


def _own(option: click.Option, shared: set[str | None]) -> bool:
    """Whether an option is the verb's own, or a shared one that the verb names differently."""
    return option.name not in shared or (option.name == "files" and "-f" not in option.opts)


def _options(options: list[click.Option]) -> str:
    rows = []
    for option in options:
        record = option.get_help_record(click.Context(click.Command("x")))
        assert record is not None
        rows.append(f"| `{_cell(record[0])}` | {_cell(record[1])} |")
    return "\n".join(["| option | does |", "| --- | --- |", *rows]) + "\n"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def errors_page() -> Iterator[str]:
    """Every error code with its page."""
    yield "# Error codes\n"
    yield NOTE
    yield "`scorewright explain CODE` shows the same on the terminal.\n"
    for prefix, title in RANGES.items():
        codes = [code for code in explain.codes() if code.startswith(f"SW{prefix}")]
        if codes:
            yield f"## {title}\n"
        for code in codes:
            text = re.sub(r"^## (.*)$", r"**\1**", explain.page(code).text, flags=re.MULTILINE)
            yield text.replace("# SW", "### SW", 1)


def failures_page() -> Iterator[str]:
    """Every cause that the failure doctor knows, with what it says and where it is from."""
    known = diagnosis.rules()
    yield "# Failures and their causes\n"
    yield NOTE
    yield (
        "When a deployment fails, scorewright reads what Azure, the image build, Kubernetes and the container said,\n"
        "names the cause, quotes the lines that tell it, and says what to do. `scorewright explain CODE` tells more.\n"
        "What no rule knows stays unknown: its last exception and error lines are quoted, and nothing is guessed.\n"
    )
    yield f"These {len(known)} causes are known. Words in capitals stand for what the log names.\n"
    yield "| code | cause | what scorewright says | what to do first | seen in |\n| --- | --- | --- | --- | --- |"
    for rule in known:
        cells = (rule.title, _spoken(rule, rule.cause), _spoken(rule, rule.steps[0]))
        seen = ", ".join(f"[{number}]({address})" for number, address in enumerate(rule.see, 1))
        yield f"| {rule.code} | {' | '.join(_cell(cell) for cell in cells)} | {seen} ({rule.as_of}) |"


def _spoken(rule: diagnosis.Rule, template: str) -> str:
    """A template of a rule with its groups' names in capitals."""
    names = {name: name.upper() for _, name, _, _ in Formatter().parse(template) if name}
    return template.format_map(names)


def plugin_page() -> Iterator[str]:
    """The hooks, and every record that travels between plugins and core, with exact signatures."""
    yield "# Hooks and records\n"
    yield NOTE
    yield "## Hooks\n"
    for name, hook in inspect.getmembers(hookspecs, inspect.isfunction):
        if name.startswith("scorewright_"):
            yield f"### {name}\n"
            yield f"```python\ndef {name}{_signature(hook)}\n```\n"
            yield _prose(hook) + "\n"
    for module_name in RECORDS:
        module = import_module(f"scorewright.{module_name}")
        yield f"## scorewright.{module_name}\n"
        yield _prose(module) + "\n"
        for record in records(module):
            yield f"### {record.__name__}\n"
            yield _prose(record) + "\n"
            yield _fields(record)


def options_page() -> Iterator[str]:
    """The options of the frameworks that ship."""
    yield "# Options of the frameworks\n"
    yield NOTE
    yield "They stand below `framework.options`. [When to use which](../serving.md#options-of-the-frameworks).\n"
    for module in FRAMEWORKS:
        for framework in import_module(module).scorewright_frameworks():
            yield f"## {framework.name}\n"
            yield "| option | allowed | formats | does |\n| --- | --- | --- | --- |"
            for name, option in framework.options.items():
                formats = ", ".join(option.formats) or "all"
                yield f"| `{name}` | {allowed(option)} | {formats} | {_cell(option.summary)} |"
            yield ""


def records(module: ModuleType) -> list[type[Any]]:
    """The frozen records that a module defines, in the order of its text."""
    found = [one for _, one in inspect.getmembers(module, dataclasses.is_dataclass) if isinstance(one, type)]
    public = [one for one in found if one.__module__ == module.__name__ and not one.__name__.startswith("_")]
    return sorted(public, key=lambda one: inspect.getsourcelines(one)[1])


def _signature(function: Any) -> str:  # noqa: ANN401  any function
    return str(inspect.signature(function)).replace("'", "")


def _fields(record: type[Any]) -> str:
    rows = [f"| `{one.name}` | `{_cell(str(one.type))}` | {_default(one)} |" for one in dataclasses.fields(record)]
    return "\n".join(["| field | type | default |", "| --- | --- | --- |", *rows]) + "\n"


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return f"`{field.default!r}`"
    if field.default_factory is not dataclasses.MISSING:
        return f"`{getattr(field.default_factory, '__name__', 'made anew')}()`"
    return "needed"


def _prose(documented: object) -> str:
    return (inspect.getdoc(documented) or "").replace("``", "`")


PAGES = {
    "cli.md": cli_page,
    "errors.md": errors_page,
    "framework-options.md": options_page,
    "plugin-api.md": plugin_page,
    "../failures.md": failures_page,
}


def main(check: bool) -> int:
    """Write the pages, or name those that are not as they would be written."""
    stale = []
    for name, page in PAGES.items():
        path = REFERENCE / name
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(page())).rstrip() + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    for name in stale:
        shown = (REFERENCE / name).resolve().relative_to(REFERENCE.resolve().parents[1])
        click.echo(f"{'stale' if check else 'wrote'}: {shown}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
