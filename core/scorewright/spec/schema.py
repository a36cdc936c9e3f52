"""The deploy file's JSON Schema, for editors; ``python -m scorewright.spec.schema`` prints it.

It accepts every single file that the loader accepts, ``${NAME}`` included wherever the loader expands it. What it
cannot say (rules over several keys, pip requirements) only the loader refuses.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from .models import Spec

if TYPE_CHECKING:
    from pydantic_core import core_schema

    from scorewright.findings import Json

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
IDENTITY: Final = "urn:scorewright:deploy:1"
COMMITTED: Final = Path(__file__).with_name("deploy.schema.json")
"""The schema as a file of the package."""
BESIDE: Final = "deploy.schema.json"
"""Its name beside a deploy file, where editors find it on every machine."""

VARIABLE: Final[JsonSchemaValue] = {"type": "string", "pattern": r"\$\{"}


def json_schema() -> dict[str, Json]:
    """The JSON Schema (draft 2020-12) of one deploy file."""
    schema = Spec.model_json_schema(schema_generator=_Generator)
    return {
        "$schema": DIALECT,
        "$id": IDENTITY,
        **schema,
        "title": "scorewright deploy file",
        "description": "Scoring services, and where they run.",
    }


def json_text() -> str:
    """The schema as the committed file holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


class _Generator(GenerateJsonSchema):
    """Adds the alternative of a variable to every value that a plain text may stand for, and to no key."""

    def field_title_should_be_set(self, schema: object) -> bool:
        """No titles made from the keys: the description says more."""
        return False

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return _or_variable(super().int_schema(schema))

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return _or_variable(super().float_schema(schema))

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        return _or_variable(super().bool_schema(schema))

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return _or_variable(super().literal_schema(schema))

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        text = super().str_schema(schema)
        return _or_variable(text) if "pattern" in text or "maxLength" in text else text

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        mapping = super().dict_schema({**schema, "keys_schema": {"type": "str"}})
        keys = schema.get("keys_schema")
        if keys is not None and keys["type"] == "str":
            names = super().str_schema(cast("core_schema.StringSchema", keys))
            if len(names) > 1:
                mapping["propertyNames"] = names
        return mapping


def _or_variable(value: JsonSchemaValue) -> JsonSchemaValue:
    return {"anyOf": [value, VARIABLE]}


if __name__ == "__main__":
    sys.stdout.write(json_text())
