"""Schemas of one value: references are followed, and a constant chooses the variant."""

from pathlib import Path
from typing import Any

from stackc.catalog import Catalog
from stackc.load import read
from stackc.tree import Value
from stackc.variants import concrete

SCHEMA = Catalog().distribution_schema
DEFINITIONS = SCHEMA["$defs"]


def value(text: str) -> Value:
    return read(Path("distribution.yaml"), text).root


def properties(name: str, text: str) -> dict[str, Any]:
    found = concrete({"$ref": f"#/$defs/{name}"}, DEFINITIONS, value(text))
    known: dict[str, Any] = found["properties"]
    return known


def test_the_type_of_a_backend_says_which_keys_it_has() -> None:
    assert set(properties("backend", "{type: kv_sqlite}")) == {"type", "db_path", "namespace"}
    assert "pool_recycle" in properties("backend", "{type: sql_postgres}")
    assert "pool_recycle" not in properties("backend", "{type: kv_postgres}")


def test_a_type_that_is_none_or_not_there_has_the_keys_of_all() -> None:
    for text in ("{type: kv_nothing}", "{type: [kv_sqlite]}", "{db_path: a}", "{type: '${env.X}'}"):
        assert set(properties("backend", text)) == {"type"}


def test_what_stands_beside_a_reference_goes_before_what_it_refers_to() -> None:
    schema = {"$ref": "#/$defs/kv_store", "description": "Mine."}
    found = concrete(schema, DEFINITIONS, value("{backend: b}"))
    assert (found["description"], found["x-store"]) == ("Mine.", "kv")
    assert "$ref" not in found


def test_a_schema_without_either_is_what_it_is() -> None:
    schema = {"type": "string"}
    assert concrete(schema, {}, value("{a: b}")) == schema


def test_every_variant_of_the_distribution_can_be_chosen() -> None:
    for name, schema in DEFINITIONS.items():
        for variant in schema.get("allOf", ()):
            ((key, constant),) = variant["if"]["properties"].items()
            found = properties(name, f"{{{key}: {constant['const']}}}")
            assert set(variant["then"]["properties"]) <= set(found)
