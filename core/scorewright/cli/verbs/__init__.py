"""The verbs, one module each. A new verb is a module here with a ``command``, and one line in `VERBS`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import click


class Verb(NamedTuple):
    """What ``scorewright --help`` says of a verb without loading it.

    ``section``: the heading it stands under. ``module``: beside this one; a verb that needs an extra lives in that
    extra's package and is named in full.
    """

    section: str
    summary: str
    module: str

    def load(self) -> click.Command:
        """Import the verb's module and give its command."""
        name = self.module if "." in self.module else f"{__name__}.{self.module}"
        command: click.Command = import_module(name).command
        return command


VERBS: dict[str, Verb] = {
    "init": Verb("Write", "Write a commented deploy.yaml from model files.", "init"),
    "check": Verb("Write", "Check everything that can be checked before a deployment.", "check"),
    "lock": Verb("Write", "Pin every package of every service in deploy.lock.", "lock"),
    "render": Verb("Write", "Write the bundles: score.py, runtime, conda file, manifest.", "render"),
    "plan": Verb("Deploy", "Show what `up` would create, change, replace and delete.", "plan"),
    "up": Verb("Deploy", "Make the target what the deploy file says.", "up"),
    "rehearse": Verb(
        "Deploy", "Rehearse the whole Azure run on this machine, with or without faults.", "scorewright_rehearse.verb"
    ),
    "rollback": Verb("Deploy", "Put a service back to the version before.", "rollback"),
    "down": Verb("Deploy", "Delete what we made and say what is left.", "down"),
    "status": Verb("Operate", "Show state, version, replicas, device and scoring URI.", "status"),
    "score": Verb("Operate", "Send one request with the right key.", "score"),
    "bench": Verb("Operate", "Measure a service: requests/s and latencies under load.", "bench"),
    "logs": Verb("Operate", "Show a service's log.", "logs"),
    "keys": Verb("Operate", "Show or regenerate a service's keys.", "keys"),
    "explain": Verb("Learn", "Explain an error code.", "explain"),
    "gpus": Verb("Learn", "List VM sizes with GPUs: memory, price, and what they can run.", "gpus"),
    "doctor": Verb("Learn", "Is this machine ready? What is missing, and how to fix it.", "doctor"),
    "plugins": Verb("Learn", "List the frameworks, targets and plugins that are loaded.", "plugins"),
    "schema": Verb("Learn", "Print the JSON Schema of deploy.yaml.", "schema"),
    "plugin": Verb("Extend", "Start a plugin of your own.", "plugin"),
    "completion": Verb("Extend", "Print the shell's completion script.", "completion"),
}
