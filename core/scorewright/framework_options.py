"""The settings of ``framework.options``, held against what the framework's plugin says that it takes."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from .findings import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .framework import Framework, Option, OptionValue

_TYPES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def settle(
    given: Mapping[str, OptionValue], framework: Framework, format_: str | None, frameworks: Mapping[str, Framework]
) -> tuple[dict[str, OptionValue], tuple[Finding, ...]]:
    """The options in force, by name, and an error (SW1287) for each that is none or has a value that it does not take.

    ``format_``: the model's; None where nothing is known of it. ``frameworks``: all there are, to say whose option it
    is. What is ``false`` is left out, since it says the same as nothing; with any error there are no options.
    """
    findings: list[Finding] = []
    options: dict[str, OptionValue] = {}
    for name in sorted(given):
        # A text of the deploy file knows its place there; here it is only text.
        value = str(given[name]) if isinstance(given[name], str) else given[name]
        option = framework.options.get(name)
        if option is None:
            findings.append(_unknown(name, framework, frameworks))
        elif value is False:
            continue
        elif not _takes(option, value):
            findings.append(_fault(name, f"{name} takes {allowed(option)}"))
        elif option.formats and format_ is not None and format_ not in option.formats:
            findings.append(_fault(name, f"{name} works with {_either(option.formats)}; this model is {format_}"))
        else:
            options[name] = value
    return ({} if findings else options), tuple(findings)


def _takes(option: Option, value: OptionValue) -> bool:
    if isinstance(option.allowed, tuple):
        return any(type(value) is type(one) and value == one for one in option.allowed)
    return type(value) is option.allowed or (option.allowed is float and type(value) is int)


def allowed(option: Option) -> str:
    """The values that an option takes, in words."""
    if isinstance(option.allowed, tuple):
        shown = (str(one).lower() if isinstance(one, bool) else str(one) for one in option.allowed)
        return _either(tuple(shown))
    return _TYPES[option.allowed]


def _either(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _unknown(name: str, framework: Framework, frameworks: Mapping[str, Framework]) -> Finding:
    listed = ", ".join(sorted(framework.options)) or "none"
    near = get_close_matches(name.lower().replace("-", "_"), framework.options, n=1)
    owner = next((other.name for other in frameworks.values() if name in other.options), None)
    hint = f"{name} is an option of {owner}" if owner else None
    return _fault(
        name, f"{framework.name} has no option {name!r}; it has {listed}", f"write {near[0]}" if near else hint
    )


def _fault(name: str, message: str, hint: str | None = None) -> Finding:
    return Finding(Level.ERROR, "SW1287", message, hint=hint, path=f"framework.options.{name}")
