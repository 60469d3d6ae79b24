"""A schema as it holds for one value: references followed, and the variant chosen that fits it."""

from stackc.catalog import JsonSchema
from stackc.tree import Mapping, Scalar, Value


def concrete(schema: JsonSchema, definitions: dict[str, JsonSchema], value: Value) -> JsonSchema:
    """The schema with its `$ref` followed and the `then` of the variant that the value is."""
    target = schema.get("$ref")
    if target is not None:
        found = definitions[target.rpartition("/")[2]]
        schema = {**found, **{key: each for key, each in schema.items() if key != "$ref"}}
    for variant in schema.get("allOf", ()):
        if _is(value, variant["if"]["properties"]):
            chosen = variant["then"]
            properties = {**chosen["properties"], **schema.get("properties", {})}
            return {**schema, **chosen, "properties": properties}
    return schema


def _is(value: Value, wanted: dict[str, JsonSchema]) -> bool:
    """Whether a mapping has the constants that its variant asks for."""
    if not isinstance(value, Mapping):
        return False
    found = ((value.get(key), each["const"]) for key, each in wanted.items())
    return all(isinstance(each, Scalar) and each.value == const for each, const in found)
