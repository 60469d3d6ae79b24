"""What is allowed and most likely a mistake: a warning for each, and never a doubtful one."""

import re
from collections.abc import Iterator

from stackc.catalog import JsonSchema
from stackc.check import ProviderSpec, Spec
from stackc.diagnostics import warnings
from stackc.diagnostics.report import Diagnostic
from stackc.environment import Reference, Text
from stackc.stack import Provider
from stackc.tree import Entry, Mapping, Scalar, Value
from stackc.values import LateBound, Name, late_bound
from stackc.variants import concrete

PLACEHOLDERS = frozenset(("", "dummy", "fake", "none", "null", "token", "no-key-required"))
"""What servers without a key are given in its place."""

SWITCH = re.compile(r"(^|_)(ENABLED?|DISABLED?|USE|WITH)(_|$)")
"""Names of variables that are switches and nothing else."""

LOCAL = re.compile(r"(^|//|@)(localhost|127\.0\.0\.1|\[::1\])(?=[:/]|$)")


def suspicions(
    spec: Spec, providers: tuple[Provider, ...], schema: JsonSchema
) -> Iterator[Diagnostic]:
    """Every suspicious value; `providers` are those whose type is known, `schema` is the whole one."""
    for provider in spec.providers:
        yield from _switches(provider)
    for bound in providers:
        yield from _of_config(bound)
    yield from _secrets(spec.document.root, schema, schema["$defs"])
    yield from _unused_backends(spec)


def _switches(provider: ProviderSpec) -> Iterator[Diagnostic]:
    variable = provider.enabled_by
    if variable is None or SWITCH.search(variable):
        return
    values = list(late_bound(provider.config))
    read = {each.name for value in values for each in value.text.references}
    if variable not in read:
        near = min((each for each in read if _alike(each, variable)), default=None)
        yield warnings.unread_switch(provider.id, variable, near)
    for value in values:
        yield from _constant(value, variable)


def _alike(one: str, other: str) -> bool:
    return one.partition("_")[0] == other.partition("_")[0]


def _constant(value: LateBound, variable: str) -> Iterator[Diagnostic]:
    """A `:+` on the variable that enables the provider around it is always on."""
    for each in value.text.references:
        if each.operator == ":+" and each.name == variable:
            yield warnings.unused_variable(variable, "always set where this is read", value.span)


def _of_config(provider: Provider) -> Iterator[Diagnostic]:
    schema = provider.type.config
    yield from _secrets(provider.written, schema, schema.get("$defs", {}))
    if provider.type.type.startswith("remote::") and isinstance(provider.written, Mapping):
        for entry in provider.written.entries:
            yield from _local(entry, provider)


def _local(entry: Entry, provider: Provider) -> Iterator[Diagnostic]:
    """An address of this machine; a default counts only where it can come into effect."""
    if not isinstance(entry.value, Scalar):
        return
    value = entry.value.value
    if isinstance(value, Text):
        references = [each for each in value.references if each.name != provider.enabled_by]
        text = "".join(each.operand for each in references if each.operator == ":=")
    else:
        text = value if isinstance(value, str) else ""
    if LOCAL.search(text):
        yield warnings.localhost(entry.key, entry.value.span)


def _secrets(
    value: Value | None, schema: JsonSchema, definitions: dict[str, JsonSchema]
) -> Iterator[Diagnostic]:
    """Secrets that are written as they are, or as the default of a variable."""
    if not isinstance(value, Mapping):
        return
    schema = concrete(schema, definitions, value)
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    for entry in value.entries:
        found = properties.get(entry.key, others if isinstance(others, dict) else {})
        found = concrete(found, definitions, entry.value)
        if found.get("format") == "password" and isinstance(entry.value, Scalar):
            yield from _secret(entry.key, entry.value)
        else:
            yield from _secrets(entry.value, found, definitions)


def _secret(name: str, value: Scalar) -> Iterator[Diagnostic]:
    if isinstance(value.value, str) and value.value.lower() not in PLACEHOLDERS:
        yield warnings.secret_in_file(name, value.span, default=False)
    if isinstance(value.value, Text):
        for each in value.value.references:
            if _given(each):
                yield warnings.secret_in_file(each.name, value.span, default=True)


def _given(reference: Reference) -> bool:
    return reference.operator == ":=" and reference.operand.lower() not in PLACEHOLDERS


def _unused_backends(spec: Spec) -> Iterator[Diagnostic]:
    used = {store.backend.text for store in spec.stores}
    storage = spec.document.root.get("storage")
    backends = storage.get("backends") if isinstance(storage, Mapping) else None
    for entry in backends.entries if isinstance(backends, Mapping) else ():
        if entry.key not in used:
            yield warnings.unused_backend(Name(entry.key, entry.key_span))
