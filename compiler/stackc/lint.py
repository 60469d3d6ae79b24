"""What is allowed and most likely a mistake: a warning for each, and never a doubtful one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stackc.catalog import JsonSchema
from stackc.check import Spec
from stackc.diagnostics import warnings
from stackc.diagnostics.report import Diagnostic
from stackc.environment import Reference, Text
from stackc.kinds import KINDS
from stackc.source import Span
from stackc.stack import Provider
from stackc.tree import Entry, Mapping, Scalar, Sequence, Value
from stackc.values import LateBound, Name, late_bound
from stackc.variants import concrete

PLACEHOLDER = re.compile(
    r"|dummy|empty|fake|none|null|ollama|placeholder|tbd|test|todo|token|unused"
    r"|(no|not)[-_ ].*|your[-_ ].*|(change|replace)[-_ ]?(me|this)|<.*>|(sk[-_])?[.*x]+",
    re.IGNORECASE,
)
"""What stands where a key would, and is none: for servers without one, and in examples."""

URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)

PASSWORD = re.compile(r"://[^/?#@:]*:([^/?#@]+)@")
"""The password in a URL."""

SWITCH = re.compile(r"(^|_)(ENABLED?|DISABLED?|USE|WITH)(_|$)")
"""Names of variables that are switches and nothing else."""

LOCAL = re.compile(r"(^|//|@)(localhost|127\.0\.0\.1|\[::1\])(?=[:/]|$)", re.IGNORECASE)

SERVERS = re.compile(r"remote::|kv_(redis|postgres|mongodb)$|sql_postgres$")
"""Types of what is reached over the network."""

NO_ADDRESSES = ("no_proxy",)
"""Keys of hosts that nothing is asked of."""

UNKNOWN = "?"
"""In the place of what only the environment tells."""


def suspicions(
    spec: Spec, providers: tuple[Provider, ...], schema: JsonSchema
) -> Iterator[Diagnostic]:
    """Every suspicious value; `providers` are those whose type is known, `schema` is the whole one."""
    definitions = schema["$defs"]
    for provider in providers:
        yield from _switches(provider, spec)
        yield from _of_config(provider)
    for leaf in _leaves(spec.document.root, schema, definitions):
        yield from _secrets(leaf)
    for backend in _backends(spec):
        yield from _of_backend(backend.value, definitions)
    if len(providers) == len(spec.providers):  # else one that is not known may keep something there
        yield from _unused_backends(spec)


def _switches(provider: Provider, spec: Spec) -> Iterator[Diagnostic]:
    variable = provider.enabled_by
    if variable is None:
        return
    values = list(late_bound(provider.config))
    for value in values:
        yield from _constant(value, variable)
    read = {each.name for value in values for each in value.text.references}
    takes_some = bool(provider.type.config.get("properties"))
    if variable in read or SWITCH.search(variable) or not takes_some:
        return
    if variable not in _read_by_resources(provider, spec):
        place = next(each.id for each in spec.providers if each.type is provider.span)
        near = min((each for each in read if _alike(each, variable)), default=None)
        yield warnings.unread_switch(place, variable, near)


def _read_by_resources(provider: Provider, spec: Spec) -> set[str]:
    """The variables whose values the resources of a provider hold, such as the name of its model."""
    return {
        reference.name
        for each in (*spec.models, *spec.resources)
        if each.provider and each.provider.text == provider.id
        if KINDS[each.kind].api == provider.api
        for value in late_bound(each.fields)
        for reference in value.text.references
        if value.field != "provider_id"
    }


def _alike(one: str, other: str) -> bool:
    return one.partition("_")[0] == other.partition("_")[0]


def _constant(value: LateBound, variable: str) -> Iterator[Diagnostic]:
    """A `:+` on the variable that enables the provider around it is always on."""
    for each in value.text.references:
        if each.operator == ":+" and each.name == variable:
            yield warnings.unused_variable(variable, "always set where this is read", value.span)


def _of_config(provider: Provider) -> Iterator[Diagnostic]:
    schema = provider.type.config
    leaves = list(_leaves(provider.written, schema, schema.get("$defs", {})))
    for leaf in leaves:
        yield from _secrets(leaf)
    if SERVERS.match(provider.type.type):
        for leaf in leaves:
            yield from _local(leaf, provider.enabled_by)


def _of_backend(backend: Value, definitions: dict[str, JsonSchema]) -> Iterator[Diagnostic]:
    type_ = backend.get("type") if isinstance(backend, Mapping) else None
    if isinstance(type_, Scalar) and SERVERS.match(str(type_.value)):
        for leaf in _leaves(backend, definitions["backend"], definitions):
            yield from _local(leaf, None)


@dataclass(frozen=True)
class _Leaf:
    """A single value: the key that it stands under, itself or in a list, and the schema of it."""

    name: str
    value: Scalar
    schema: JsonSchema

    @property
    def secret(self) -> Span | None:
        """Its place, where it is a secret."""
        return self.value.span if self.schema.get("format") == "password" else None


def _leaves(
    value: Value | None, schema: JsonSchema, definitions: dict[str, JsonSchema], name: str = ""
) -> Iterator[_Leaf]:
    if value is None:
        return
    schema = concrete(schema, definitions, value)
    if isinstance(value, Scalar):
        yield _Leaf(name, value, schema)
    elif isinstance(value, Sequence):
        for item in value.items:
            yield from _leaves(item, schema.get("items", {}), definitions, name)
    else:
        others = schema.get("additionalProperties")
        for entry in value.entries:
            other = others if isinstance(others, dict) else {}
            found = schema.get("properties", {}).get(entry.key, other)
            yield from _leaves(entry.value, found, definitions, entry.key)


def _local(leaf: _Leaf, enabled_by: str | None) -> Iterator[Diagnostic]:
    """An address of this machine; a default counts only where it can come into effect."""
    text = _without_variables(leaf.value, enabled_by)
    fallback = str(leaf.schema.get("default", ""))
    if leaf.name not in NO_ADDRESSES and LOCAL.search(text or fallback):
        default = None if text else fallback
        yield warnings.localhost(leaf.name, leaf.value.span, leaf.secret, default)


def _without_variables(value: Scalar, enabled_by: str | None) -> str:
    """What a value is where no variable is set but the one that enables what is around it."""
    parts = value.value.parts if isinstance(value.value, Text) else (value.value,)
    return "".join(
        _default(each, enabled_by) if isinstance(each, Reference) else str(each or "")
        for each in parts
    )


def _default(reference: Reference, enabled_by: str | None) -> str:
    known = reference.operator == ":=" and reference.name != enabled_by
    return reference.operand if known else UNKNOWN


def _secrets(leaf: _Leaf) -> Iterator[Diagnostic]:
    """A secret that is written as it is, or as the default of a variable."""
    value = leaf.value.value
    if leaf.secret is None:
        return
    if isinstance(value, str) and _is_secret(value):
        yield warnings.secret_in_file(leaf.name, leaf.secret, default=False)
    if isinstance(value, Text):
        if _has_password(_with_default(value, None)):
            yield warnings.secret_in_file(leaf.name, leaf.secret, default=False)
            return
        for each in value.references:
            if each.operator == ":=" and _gives_secret(value, each):
                yield warnings.secret_in_file(each.name, leaf.secret, default=True)


def _gives_secret(value: Text, reference: Reference) -> bool:
    """Whether the default of a reference is a secret, or the one in a URL that it stands in."""
    whole = _with_default(value, reference)
    return _has_password(whole) if URL.match(whole) else _is_secret(reference.operand)


def _with_default(value: Text, known: Reference | None) -> str:
    """The text with the default of one reference, and nothing known of the others."""
    return "".join(
        each if isinstance(each, str) else each.operand if each is known else UNKNOWN
        for each in value.parts
    )


def _is_secret(text: str) -> bool:
    """Whether a text in the place of a secret is one: neither a placeholder nor a public URL."""
    return _has_password(text) if URL.match(text) else not PLACEHOLDER.fullmatch(text)


def _has_password(text: str) -> bool:
    return PASSWORD.search(text) is not None


def _backends(spec: Spec) -> tuple[Entry, ...]:
    storage = spec.document.root.get("storage")
    backends = storage.get("backends") if isinstance(storage, Mapping) else None
    return backends.entries if isinstance(backends, Mapping) else ()


def _unused_backends(spec: Spec) -> Iterator[Diagnostic]:
    """The backends of no store, where every store has one: a wrong name is told already."""
    known = {entry.key for entry in _backends(spec)}
    used = {store.backend.text for store in spec.stores}
    if not used <= known:
        return
    for entry in _backends(spec):
        if entry.key not in used:
            yield warnings.unused_backend(Name(entry.key, entry.key_span))
