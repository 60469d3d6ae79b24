"""The keys of a JSON Schema as the rows of a table: what each takes, and what it is for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from stackc.catalog import JsonSchema
from stackc.editor_words import shown, told, types_of


@dataclass(frozen=True)
class Key:
    """A key, and the path that leads to it: `models[].head.text`, `stores.<name>.backend`."""

    path: str
    type: str
    default: str
    description: str
    planned: bool


class Keys:
    """Walks schemas; `definitions` are what their references name."""

    def __init__(self, definitions: dict[str, JsonSchema]) -> None:
        self._definitions = definitions

    def of(
        self, schema: JsonSchema, prefix: str = "", within: tuple[str, ...] = ()
    ) -> Iterator[Key]:
        """Every key below a schema, an outer one before those inside it."""
        required = schema.get("required", ())
        for name, written in schema.get("properties", {}).items():
            if written:
                path = f"{prefix}{name}"
                yield _key(path, self.resolved(written), name in required)
                yield from self._inside(path, written, within)
        for variant in schema.get("allOf", ()):
            yield from self._of_variant(variant, prefix, within)

    def _of_variant(
        self, variant: JsonSchema, prefix: str, within: tuple[str, ...]
    ) -> Iterator[Key]:
        """The keys that are there where another one has a certain value."""
        chosen = variant["if"]["properties"].items()
        case = ", ".join(f"`{key}: {shown(value['const'])}`" for key, value in chosen)
        for key in self.of(variant["then"], prefix, within):
            yield replace(key, description=f"With {case}: {key.description}")

    def resolved(self, schema: JsonSchema) -> JsonSchema:
        """A schema with what its reference names; its own words go before those."""
        reference = schema.get("$ref")
        if reference is None:
            return schema
        found = self.resolved(self._definitions[_name(reference)])
        return {**found, **{key: schema[key] for key in schema if key != "$ref"}}

    def _inside(self, path: str, schema: JsonSchema, within: tuple[str, ...]) -> Iterator[Key]:
        reference = schema.get("$ref")
        if reference in within:  # a part that holds itself is told once
            return
        within = (*within, reference) if reference else within
        field = self.resolved(schema)
        yield from self.of(field, f"{path}.", within)
        for part, suffix in (("items", "[]"), ("additionalProperties", ".<name>")):
            if isinstance(field.get(part), dict):
                yield from self._inside(f"{path}{suffix}", field[part], within)


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _key(path: str, schema: JsonSchema, required: bool) -> Key:
    planned = bool(schema.get("x-planned"))
    sample = f" Such as `{shown(schema['x-sample'])}`." if "x-sample" in schema else ""
    default = f"`{shown(schema['default'])}`" if schema.get("default") is not None else ""
    return Key(
        path=path,
        type=type_words(schema),
        default="required" if required else default,
        description=told(schema.get("description", "") + sample, planned).strip(),
        planned=planned,
    )


def type_words(schema: JsonSchema) -> str:
    """What a value may be, in words."""
    if "const" in schema:
        return f"`{shown(schema['const'])}`"
    words = [_choices(schema) or _kinds(schema), _bounds(schema), schema.get("x-form", "")]
    words += ["secret"] if schema.get("format") == "password" else []
    words += ["static"] if schema.get("x-static") else []
    return ", ".join(filter(None, words))


def _choices(schema: JsonSchema) -> str:
    return " or ".join(f"`{shown(value)}`" for value in schema.get("enum", ()))


def _kinds(schema: JsonSchema) -> str:
    items = schema.get("items", {})
    names = [_SPOKEN[name] for name in types_of(schema)]
    if "list" in names and types_of(items):
        names[names.index("list")] = f"list of {_kinds(items)}s"
    return " or ".join(names) or "any value"


_SPOKEN = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "object": "mapping",
    "array": "list",
    "null": "nothing",
}


def _bounds(schema: JsonSchema) -> str:
    told = {
        "minimum": "at least",
        "exclusiveMinimum": "more than",
        "maximum": "at most",
        "exclusiveMaximum": "less than",
    }
    return " and ".join(f"{words} {schema[key]}" for key, words in told.items() if key in schema)
