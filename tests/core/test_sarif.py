"""SARIF 2.1.0, held against the rules of the standard that readers of it rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema

from scorewright.findings import Finding, Level, Location
from scorewright.sarif import to_sarif

if TYPE_CHECKING:
    from pathlib import Path

# What the standard requires (sections 3.13 to 3.30) of the parts that are written here.
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
NUMBER = {"type": "integer", "minimum": 1}
LOCATION = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": {
                    "required": ["uri"],
                    "properties": {"uri": {"type": "string", "format": "uri-reference"}},
                },
                "region": {"required": ["startLine"], "properties": {"startLine": NUMBER, "startColumn": NUMBER}},
            },
        },
        "logicalLocations": {"type": "array", "items": {"required": ["fullyQualifiedName"]}},
    },
}
RESULT = {
    "type": "object",
    "required": ["message", "ruleId", "level"],
    "properties": {
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": TEXT,
        "ruleIndex": {"type": "integer", "minimum": 0},
        "locations": {"type": "array", "items": LOCATION},
    },
}
RULE = {"required": ["id"], "properties": {"id": {"type": "string"}, "shortDescription": TEXT, "help": TEXT}}
DRIVER = {"required": ["name"], "properties": {"rules": {"type": "array", "uniqueItems": True, "items": RULE}}}
RUN = {
    "type": "object",
    "required": ["tool"],
    "properties": {
        "tool": {"required": ["driver"], "properties": {"driver": DRIVER}},
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "results": {"type": "array", "items": RESULT},
    },
}
DOCUMENT = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "items": RUN},
    },
}


def _checked(document: dict[str, Any]) -> dict[str, Any]:
    jsonschema.Draft202012Validator(DOCUMENT).validate(document)
    run: dict[str, Any] = document["runs"][0]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    return run


def _findings(folder: Path) -> list[Finding]:
    at = Location(folder / "deploy.yaml", 7, 3)
    return [
        Finding(Level.ERROR, "SW1421", "gone", "take another", "cluster.vm_size", at),
        Finding(Level.WARNING, "SW1436", "open", path="services.mnist.auth"),
        Finding(Level.INFO, "SW1433", "a sum", location=Location(folder / "deploy.yaml")),
        Finding(Level.ERROR, "SW1421", "gone too", location=Location(folder.parent / "base.yaml", 1, 0)),
        Finding(Level.WARNING, "ACME-1", "a plugin's own"),
    ]


def test_the_document_follows_the_standard(tmp_path: Path) -> None:
    run = _checked(to_sarif(_findings(tmp_path), root=tmp_path))
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["ACME-1", "SW1421", "SW1433", "SW1436"]
    assert [result["level"] for result in run["results"]] == ["error", "warning", "note", "error", "warning"]


def test_places_are_relative_to_the_root_and_absolute_outside_of_it(tmp_path: Path) -> None:
    run = _checked(to_sarif(_findings(tmp_path), root=tmp_path))
    inside, keyed, whole, outside, nowhere = run["results"]
    assert inside["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "deploy.yaml", "uriBaseId": "ROOT"},
        "region": {"startLine": 7, "startColumn": 3},
    }
    assert keyed["locations"] == [
        {"logicalLocations": [{"fullyQualifiedName": "services.mnist.auth", "kind": "member"}]}
    ]
    assert "region" not in whole["locations"][0]["physicalLocation"]
    assert outside["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("file:///")
    assert "locations" not in nowhere


def test_the_way_out_and_the_page_are_carried(tmp_path: Path) -> None:
    run = _checked(to_sarif(_findings(tmp_path), root=tmp_path))
    assert run["results"][0]["message"]["text"] == "gone\ntake another"
    assert "## What to do" in run["tool"]["driver"]["rules"][1]["help"]["text"]


def test_strict_makes_errors_of_warnings(tmp_path: Path) -> None:
    run = _checked(to_sarif(_findings(tmp_path), strict=True))
    assert [result["level"] for result in run["results"]] == ["error", "error", "note", "error", "error"]


def test_nothing_found_is_a_run_without_results() -> None:
    assert _checked(to_sarif([]))["results"] == []
