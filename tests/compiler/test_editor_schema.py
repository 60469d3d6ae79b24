"""The schema for editors: it takes what the compiler takes, and refuses what is plainly wrong."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML
from stackc import resources
from stackc.catalog import Catalog
from stackc.editor_schema import editor_schema, text
from stackc.editor_words import translated

ROOT = Path(__file__).parent.parent.parent
CASES = sorted(path.parent for path in (ROOT / "tests/cases").glob("*/distribution.yaml"))
FINE = [folder for folder in CASES if not (folder / "want.stderr").exists()]
SCHEMA = editor_schema(Catalog())
DISTRIBUTIONS = sorted((ROOT / "distributions").glob("*.yaml"))

ONE = """
version: 2
image_name: one
providers:
  inference:
  - provider_id: it
    provider_type: remote::vllm
    config:
      url: http://localhost:8000/v1
"""


def loaded(source: str) -> Any:
    return YAML(typ="safe", pure=True).load(source)


def faults(source: str, schema: dict[str, Any] = SCHEMA) -> list[str]:
    return [error.json_path for error in Draft7Validator(schema).iter_errors(loaded(source))]


@pytest.mark.parametrize("path", DISTRIBUTIONS, ids=lambda path: path.stem)
def test_our_distributions_fit_and_name_it(path: Path) -> None:
    source = path.read_text()
    assert faults(source) == []
    first = source.splitlines()[0]
    assert first == "# yaml-language-server: $schema=../docs/distribution.schema.json"
    assert (path.parent / first.partition("=")[2]).is_file()


@pytest.mark.parametrize("folder", FINE, ids=lambda path: path.name)
def test_fine_cases_fit(folder: Path, tmp_path: Path) -> None:
    """Each with the schema of the catalog that it has."""
    catalog = tmp_path / "schemas"
    shutil.copytree(resources.folder("schemas"), catalog)
    if (folder / "schemas").is_dir():
        shutil.copytree(folder / "schemas", catalog, dirs_exist_ok=True)
    source = (folder / "distribution.yaml").read_bytes().decode("utf-8-sig")
    assert faults(source, editor_schema(Catalog(catalog))) == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (("    provider_type: remote::vllm\n", ""), "$.providers.inference[0]"),
        (("      url:", "      urll: x\n      url:"), "$.providers.inference[0].config"),
        (("http://localhost:8000/v1", "3"), "$.providers.inference[0].config.url"),
        (("url: http://localhost:8000/v1", "{}"), "$.providers.inference[0].config"),
        (("remote::vllm", "remote::vlm"), "$.providers.inference[0].provider_type"),
        (("provider_id: it", "provider_id: a/b"), "$.providers.inference[0].provider_id"),
        (("  inference:", "  infrence:"), "$.providers"),
        (("version: 2", "version: 3"), "$.version"),
        (("version: 2", "version: 2\nserver: {port: many}"), "$.server.port"),
        (("version: 2", "version: 2\nserver: {port: 0}"), "$.server.port"),
        (("version: 2", "version: 2\napis: [inferense]"), "$.apis[0]"),
    ],
)
def test_what_is_wrong_is_marked(change: tuple[str, str], place: str) -> None:
    assert faults(ONE) == []
    assert faults(ONE.replace(*change)) == [place]


def test_a_file_that_extends_another_one_may_say_less() -> None:
    over = "extends: one.yaml\nproviders:\n  inference:\n  - {provider_id: it, remove: true}\n"
    assert faults(over) == []
    assert faults(over.replace("remove", "removed")) == ["$.providers.inference[0]"]
    assert faults(over.replace("inference", "infrence")) == ["$.providers"]


def test_names_of_other_versions_are_no_faults() -> None:
    found = translated({"type": "object", "properties": {"new": {"x-aliases": ["old"]}}})
    assert found["properties"]["old"]["deprecationMessage"] == "Today this is `new`."


@pytest.mark.parametrize(
    ("field", "fits"),
    [
        ({"type": "integer", "minimum": 3}, True),
        ({"type": "number"}, True),
        ({"type": "boolean", "default": True}, True),
        ({"type": ["integer", "null"]}, True),
        ({"type": "string", "pattern": "[^}]$"}, True),
        ({"type": "string", "enum": ["a", "b"]}, True),
        ({"enum": ["a", "b"]}, True),
        ({"type": "string", "maxLength": 3}, True),
        ({"type": "string"}, True),
        ({"type": "integer", "x-static": True}, False),
        ({"enum": ["a", "b"], "x-static": True}, False),
        ({"type": "object"}, False),
        ({"type": "array", "items": {"type": "integer"}}, False),
    ],
)
def test_an_expression_stands_for_what_is_late(field: dict[str, Any], fits: bool) -> None:
    assert Draft7Validator(translated(field)).is_valid("${env.X:=3}") is fits


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ({"type": "integer", "minimum": 3}, 3, 2),
        ({"type": "integer"}, 3, "three"),
        ({"type": "boolean"}, True, "yes"),
        ({"type": "string", "pattern": "^a"}, "ab", "ba"),
        ({"type": "string", "enum": ["a"]}, "a", "b"),
        ({"type": "array", "items": {"type": "integer"}}, [3, "${env.X}"], ["three"]),
    ],
)
def test_a_value_is_still_held_to_its_schema(
    field: dict[str, Any], good: object, bad: object
) -> None:
    validator = Draft7Validator(translated(field))
    assert validator.is_valid(good)
    assert not validator.is_valid(bad)


def test_our_keywords_become_words() -> None:
    found = translated(
        {
            "type": "string",
            "format": "password",
            "pattern": "^k",
            "x-form": "a key that starts with `k`",
            "x-sample": "k1",
            "x-planned": True,
            "description": "The key.",
        }
    )
    assert found["description"] == "The key. (not supported yet)"
    assert "starts with `k`" in found["markdownDescription"]
    assert "secret" in found["markdownDescription"]
    assert found["examples"] == ["k1"]
    assert found["patternErrorMessage"] == "This must be a key that starts with `k`."


MAPS = ("properties", "definitions")


def keywords(schema: object) -> set[str]:
    """Every key of a schema that is none of a mapping's own."""
    if isinstance(schema, list):
        return set().union(*map(keywords, schema))
    if not isinstance(schema, dict):
        return set()
    parts = [value for key, value in schema.items() if key not in MAPS]
    named = [each for key in MAPS for each in schema.get(key, {}).values()]
    return set(schema).union(*map(keywords, [*parts, *named]))


def test_it_is_of_draft_7_alone() -> None:
    Draft7Validator.check_schema(SCHEMA)
    used = keywords(SCHEMA)
    assert not {key for key in used if key.startswith("x-")}
    assert not used & {"$defs", "prefixItems", "dependentRequired", "unevaluatedProperties"}
    for reference in set(json.dumps(SCHEMA).split('"#/definitions/')[1:]):
        assert reference.partition('"')[0] in SCHEMA["definitions"]


def test_it_is_small_and_the_same_under_any_hash_seed() -> None:
    command = [sys.executable, "-m", "stackc.cli", "schema"]
    for seed in ("1", "2"):
        result = subprocess.run(
            ["env", f"PYTHONHASHSEED={seed}", *command], capture_output=True, text=True, check=True
        )
        assert result.stdout == text(SCHEMA)
    assert len(text(SCHEMA)) < 1_000_000
