"""The config of a provider in a new distribution: what it must say, and as comments what it may say."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stackc.catalog import JsonSchema
from stackc.editor_words import shown, types_of
from stackc.environment import Text, parse
from stackc.names import identifier


@dataclass(frozen=True)
class Field:
    """A key with the text of its value, or the keys inside it; one that is not live is a comment."""

    key: str
    value: str
    note: str
    live: bool
    inner: tuple["Field", ...] = ()

    def lines(self) -> Iterator[str]:
        """The key as it is written, each line from the same column."""
        mark = "" if self.live else "#"
        note = f"  # {self.note}" if self.note else ""
        yield f"{mark}{self.key}:{f' {self.value}' if self.value else ''}{note}"
        for each in self.inner:
            yield from (f"  {line}" for line in each.lines())


@dataclass(frozen=True)
class Wanted:
    """What is known of a provider's config: its id, the variable that switches it on, given values.

    `values` are by path, such as `metadata.namespace`.
    """

    id: str
    switch: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)

    def variable(self, path: str) -> str:
        """The variable that a field would be read from: `OPENAI_API_KEY`."""
        return identifier(f"{self.id}_{path}").strip("_").upper()


def fields_of(schema: JsonSchema, wanted: Wanted, prefix: str = "") -> tuple[Field, ...]:
    """The keys of a schema that mean something today, the live ones first."""
    required = schema.get("required", ())
    found = [
        _field(name, f"{prefix}{name}", part, name in required, wanted)
        for name, part in _with_backend(schema).items()
        if "x-planned" not in part
    ]
    return tuple(sorted(found, key=lambda each: not each.live))


def _with_backend(schema: JsonSchema) -> dict[str, JsonSchema]:
    """The fields of a schema; that of a reference to a store names what every stack has."""
    fields: dict[str, JsonSchema] = schema.get("properties", {})
    kind = schema.get("x-store")
    if kind is None:
        return fields
    backend = {"x-sample": f"{'kv' if kind == 'any' else kind}_default"}
    return {**fields, "backend": {**fields["backend"], **backend}}


def _field(name: str, path: str, schema: JsonSchema, required: bool, wanted: Wanted) -> Field:
    inside = any(key.startswith(f"{path}.") for key in wanted.values)
    if "properties" in schema and (required or inside):
        inner = fields_of(schema, wanted, f"{path}.")
        return Field(name, "", _note(schema), True, inner)
    if path in wanted.values:
        return Field(name, scalar(wanted.values[path]), _note(schema), True)
    live = required or is_secret(schema) or _is_switch(schema, path, wanted)
    value = suggestion(schema, path, wanted) if live else scalar(_shown(schema))
    return Field(name, value, _note(schema), live)


def _shown(schema: JsonSchema) -> object:
    """What stands behind a key that is a comment: nothing where nothing is the default."""
    return schema.get("x-sample", schema.get("default"))


def _note(schema: JsonSchema) -> str:
    return " ".join(schema.get("description", "").split())


def is_secret(schema: JsonSchema) -> bool:
    """Whether the value of a field is never written into a distribution."""
    return schema.get("format") == "password"


def _is_switch(schema: JsonSchema, path: str, wanted: Wanted) -> bool:
    """Whether a field is read from the variable that switches its provider on."""
    variables = wanted.variable(path), variable_in(schema)
    return wanted.switch is not None and wanted.switch in variables


def variable_in(schema: JsonSchema) -> str | None:
    """The variable that the catalog's sample of a field reads."""
    read = parse(str(schema.get("x-sample", "")))[0]
    return read.references[0].name if isinstance(read, Text) else None


def suggestion(schema: JsonSchema, path: str, wanted: Wanted) -> str:
    """What a field that must be there says, as it is written."""
    sample = schema.get("x-sample")
    if sample is not None and (not is_secret(schema) or "${env." in str(sample)):
        return scalar(sample)
    if schema.get("x-static") or {"object", "array"} & set(types_of(schema)):
        return scalar(_example(schema))
    variable = wanted.variable(path)
    optional = "default" in schema or "null" in types_of(schema) or variable == wanted.switch
    if not optional:
        return f"${{env.{variable}}}"
    return f"${{env.{variable}:={_default(schema)}}}"


def _default(schema: JsonSchema) -> str:
    """The default as it stands in an expression, which cannot hold a brace."""
    default = schema.get("default")
    text = "" if default is None else shown(default)
    return "" if "}" in text or is_secret(schema) else text


def _example(schema: JsonSchema) -> object:
    for key in ("x-sample", "default", "const"):
        if schema.get(key) is not None:
            return schema[key]
    empty = {"object": {}, "array": [], "integer": schema.get("minimum", 1)}
    kind = next(iter(types_of(schema)), "string")
    return schema["enum"][0] if "enum" in schema else empty.get(kind)


def scalar(value: object) -> str:
    """A value as it is written behind a key; a text without quotes where that means the same."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value)
    return value if _reads_as_itself(value) else json.dumps(value, ensure_ascii=False)


def _reads_as_itself(text: str) -> bool:
    try:
        read = YAML(typ="safe", pure=True).load(f"key: {text}\n")
    except YAMLError:
        return False
    return bool(read == {"key": text})
