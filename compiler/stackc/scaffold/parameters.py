"""The constructor of a provider, as the JSON Schema of its config has it."""

from collections.abc import Iterator
from dataclasses import dataclass

from stackc.catalog import JsonSchema, Symbol
from stackc.editor_words import types_of

SECRET = Symbol("pydantic", "SecretStr")


@dataclass(frozen=True)
class Argument:
    """A keyword of a constructor: its type, its default, a value for tests, what it imports."""

    name: str
    annotation: str
    default: str
    sample: str
    uses: tuple[Symbol, ...]

    def __str__(self) -> str:
        default = f" = {self.default}" if self.default else ""
        return f"{self.name}: {self.annotation}{default}"


def arguments_of(config: JsonSchema) -> Iterator[Argument]:
    """A keyword for each field."""
    for name, field in config.get("properties", {}).items():
        yield _argument(name, field)


def _argument(name: str, field: JsonSchema) -> Argument:
    types = types_of(field)
    kind = next((each for each in types if each != "null"), "string")
    annotation, uses = _annotation(kind, field)
    if "null" in types:
        return Argument(name, f"{annotation} | None", "None", "", uses)
    default = _written(field["default"]) if "default" in field else ""
    return Argument(name, annotation, default, "" if default else _sample(kind, field), uses)


def _annotation(kind: str, field: JsonSchema) -> tuple[str, tuple[Symbol, ...]]:
    if field.get("format") == "password":
        return SECRET.name, (SECRET,)
    if kind == "object":
        return "Mapping[str, Any]", (Symbol("collections.abc", "Mapping"), Symbol("typing", "Any"))
    if kind == "array":
        items = field.get("items", {})
        inner, uses = _annotation(next(iter(types_of(items)), "object"), items)
        return f"Sequence[{inner}]", (Symbol("collections.abc", "Sequence"), *uses)
    return _BUILT_IN[kind], ()


_BUILT_IN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


def _sample(kind: str, field: JsonSchema) -> str:
    """Python of a value that the field takes."""
    if field.get("format") == "password":
        return f'{SECRET.name}("a secret")'
    if field.get("enum"):
        return _written(field["enum"][0])
    samples = {"string": "http://localhost:9", "object": {}, "array": [], "boolean": True}
    return _written(field.get("x-sample", samples.get(kind, field.get("minimum", 1))))


def _written(value: object) -> str:
    """A value of JSON as Python, with the quotes of our style."""
    text = repr(value)
    return text.replace("'", '"') if '"' not in text and "\\" not in text else text
