"""Our JSON Schemas in the words of editors, with an expression wherever one may stand."""

import json
from collections.abc import Iterator
from typing import Any

from stackc.catalog import JsonSchema

EXPRESSION = r"\$\{env\."
"""What a text has in it that the environment tells."""

NOT_YET = "(not supported yet)"
ANNOTATIONS = ("title", "description", "markdownDescription", "default", "examples")

_MAPS = ("properties", "patternProperties")
_LISTS = ("allOf", "anyOf", "oneOf")
_OLDER = {"dependentRequired": "dependencies"}
"""Keywords that are called otherwise in draft 7."""

_PARTS = ("items", "additionalProperties", "then", "else")


def translated(schema: JsonSchema) -> JsonSchema:
    """A schema of ours as one of draft 7, where each value may be an environment expression."""
    found = {_OLDER.get(key, key): _part(key, schema[key]) for key in schema if _known(key)}
    found |= _words(schema)
    if "$ref" in found and len(found) > 1:  # draft 7 reads nothing beside a reference
        found = {"allOf": [{"$ref": found.pop("$ref")}], **found}
    if schema.get("x-static") or not _is_value(schema):
        return found
    return _or_expression(found, types_of(schema))


def _is_value(schema: JsonSchema) -> bool:
    """Whether a schema is of single values, neither of a mapping nor of a list."""
    types = types_of(schema)
    if not types:
        return "enum" in schema or "const" in schema
    return bool({"string", "integer", "number", "boolean"} & set(types))


def _known(key: str) -> bool:
    return not key.startswith("x-") and key not in ("$schema", "$defs")


def _part(key: str, value: Any) -> Any:
    if key in _MAPS:
        return dict(_fields(value))
    if key in _LISTS:
        return [translated(each) for each in value]
    if key in _PARTS and isinstance(value, dict):
        return translated(value)
    if key == "$ref":
        return value.replace("#/$defs/", "#/definitions/")
    return value


def _fields(properties: dict[str, JsonSchema]) -> Iterator[tuple[str, JsonSchema]]:
    """The fields, and the names that they have in files of other versions."""
    for name, each in properties.items():
        yield name, translated(each)
        for alias in each.get("x-aliases", ()):
            if alias not in properties:
                yield (
                    alias,
                    {"deprecationMessage": f"Today this is `{name}`.", "doNotSuggest": True},
                )


_OF_THE_TEXT = ("const", "enum", "maxLength")
"""What a string may have to be, which an expression is not."""


def _or_expression(schema: JsonSchema, types: tuple[str, ...]) -> JsonSchema:
    """The schema of a value, or of an expression in its place where that is not one already."""
    if any(key in schema for key in _OF_THE_TEXT):
        return _either(schema)
    if "string" not in types:
        kinds = _spoken(types)
        message = f"This must be {kinds}, or an expression such as ${{env.X}}."
        return _texts({**schema, "type": [*types, "string"]}, EXPRESSION, message)
    if "pattern" in schema:
        return _texts(schema, f"({schema['pattern']})|{EXPRESSION}")
    return schema


def _texts(schema: JsonSchema, pattern: str, message: str | None = None) -> JsonSchema:
    told = {"patternErrorMessage": message} if message else {}
    return {**schema, "pattern": pattern, **told}


def _either(schema: JsonSchema) -> JsonSchema:
    value = {key: schema[key] for key in schema if key not in ANNOTATIONS}
    # By its empty title yaml-language-server tells it from the other one, and shows the key's words.
    expression = {"title": "", "type": "string", "pattern": EXPRESSION}
    return {**kept(schema, ANNOTATIONS), "anyOf": [value, expression]}


def _spoken(types: tuple[str, ...]) -> str:
    return " or ".join(_ARTICLES.get(name, name) for name in types)


_ARTICLES = {
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "null": "nothing",
}


def _words(schema: JsonSchema) -> JsonSchema:
    """What our own keywords say, in words and in the keywords of editors."""
    found: JsonSchema = {}
    if "description" in schema:
        found["description"] = told(schema["description"], bool(schema.get("x-planned")))
        marked = "\n\n".join([found["description"], *_remarks(schema)])
        if marked != found["description"] or "`" in marked:
            found["markdownDescription"] = marked
    if "x-form" in schema and "pattern" in schema:
        found["patternErrorMessage"] = f"This must be {schema['x-form']}."
    if "x-sample" in schema:
        found["examples"] = [schema["x-sample"]]
    elif schema.get("format") == "password":
        found["defaultSnippets"] = [{"label": "a variable", "body": _SECRET}]
    return found


_SECRET = r"\${env.${1:NAME}:=\}"
"""What an editor writes where a secret goes, as a snippet."""


def _remarks(schema: JsonSchema) -> list[str]:
    remarks = []
    if "x-form" in schema:
        remarks.append(f"It is {schema['x-form']}.")
    if schema.get("format") == "password":
        remarks.append("**A secret**: write `${env.NAME}`, not the value itself.")
    if schema.get("default") is not None:
        remarks.append(f"Default: `{shown(schema['default'])}`")
    if schema.get("x-static") and not {"const", "enum"} & schema.keys():
        remarks.append("Known when the stack is built: no environment expression can stand here.")
    return remarks


def shown(value: object) -> str:
    """A value as it is written in a distribution."""
    return value if isinstance(value, str) else json.dumps(value)


def told(summary: str, planned: bool) -> str:
    """A summary that says whether the thing is supported."""
    return f"{summary} {NOT_YET}" if planned else summary


def types_of(schema: JsonSchema) -> tuple[str, ...]:
    """The names of the types that a schema allows; none where it names none."""
    types = schema.get("type", ())
    return (types,) if isinstance(types, str) else tuple(types)


def kept(schema: JsonSchema, keys: tuple[str, ...]) -> JsonSchema:
    """The part of a schema that stands under these keys."""
    return {key: schema[key] for key in keys if key in schema}
