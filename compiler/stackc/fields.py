"""Typing: every value of a document as the type of the field that it goes to."""

from stackc.catalog import JsonSchema
from stackc.diagnostics import errors
from stackc.diagnostics.report import Diagnostic
from stackc.environment import Reference, Text
from stackc.shape import fits
from stackc.tree import Mapping, Scalar, Sequence, Value
from stackc.values import (
    Array,
    Checked,
    Kind,
    LateBound,
    Name,
    Object,
    coerce,
    reads_as,
)
from stackc.variants import concrete

KINDS: tuple[Kind, ...] = ("string", "integer", "number", "boolean")


class Fields:
    """Walks values beside their schemas; collects what a late-bound value gets wrong."""

    def __init__(self, root: JsonSchema) -> None:
        self._root = root
        self._definitions: dict[str, JsonSchema] = root["$defs"]
        self.faults: list[Diagnostic] = []

    def object(self, value: Value | None, schema: JsonSchema) -> Object:
        """A mapping by its schema; nothing at all is an empty mapping."""
        if not isinstance(value, Mapping):
            return Object(())
        schema = concrete(schema, self._definitions, value)
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        other = others if isinstance(others, dict) else {}
        return Object(
            tuple(
                (entry.key, self._value(entry.key, entry.value, properties.get(entry.key, other)))
                for entry in value.entries
            )
        )

    def provider_id(self, value: Value | None) -> tuple[Name, str | None]:
        """A provider's id, and the variable that enables it where it has the form `${env.X:+id}`."""
        assert isinstance(value, Scalar)
        if not isinstance(value.value, Text):
            return Name(str(value.value), value.span), None
        reference = value.value.parts[0]
        alone = len(value.value.parts) == 1 and isinstance(reference, Reference)
        if not alone or not isinstance(reference, Reference) or reference.operator != ":+":
            self.faults.append(errors.late_bound_id(str(value.value), value.span))
            return Name(str(value.value), value.span), None
        schema = self._root["$defs"]["provider"]["properties"]["provider_id"]
        if not fits(reference.operand, schema):
            fault = errors.wrong_default("provider_id", reference, schema, "string", value.span)
            self.faults.append(fault)
        return Name(reference.operand, value.span), reference.name

    def _value(self, name: str, value: Value, schema: JsonSchema) -> Checked:
        schema = concrete(schema, self._definitions, value)
        if isinstance(value, Mapping):
            return self.object(value, schema)
        if isinstance(value, Sequence):
            items = schema.get("items", {})
            return Array(tuple(self._value(name, item, items) for item in value.items))
        if not isinstance(value.value, Text):
            return value.value
        return self._late_bound(name, value, value.value, schema)

    def _late_bound(self, name: str, value: Scalar, text: Text, schema: JsonSchema) -> LateBound:
        types = schema.get("type", "string")
        types = [types] if isinstance(types, str) else types
        kind: Kind = next((kind for kind in KINDS if kind in types), "string")
        bound = LateBound(
            field=name,
            text=text,
            kind=kind,
            secret=schema.get("format") == "password",
            nullable="null" in types or "type" not in schema,
            fallback=schema.get("default"),
            span=value.span,
        )
        self._check_operands(name, bound, schema)
        return bound

    def _check_operands(self, name: str, value: LateBound, schema: JsonSchema) -> None:
        if value.kind != "string" and value.only is None:
            self.faults.append(errors.mixed_text(name, value.kind, value.span))
            return
        for reference in value.text.references:
            if value.kind == "string" and value.only is None:
                continue
            if reference.operand and not _takes(schema, reference.operand, value.kind):
                fault = errors.wrong_default(name, reference, schema, value.kind, value.span)
                self.faults.append(fault)


def _takes(schema: JsonSchema, text: str, kind: Kind) -> bool:
    return reads_as(text, kind) and fits(coerce(text, kind), schema)
