"""What each old spelling means today: a rule each, from a document to its changes and their notes."""

from collections.abc import Callable, Iterator

from stackc.catalog import Catalog, ProviderType
from stackc.diagnostics import warnings
from stackc.diagnostics.report import Diagnostic
from stackc.environment import Reference, Text
from stackc.source import Span
from stackc.spellings.changes import Change, Move, Put, Remove, Rename, found
from stackc.tree import Entry, Mapping, Scalar, Sequence, Value, plain

Noted = tuple[Change, Diagnostic | None]
"""A change, and the note that tells of it; changes that belong together have one note."""

Rule = Callable[[Mapping, Catalog], Iterator[Noted]]

RESOURCES = (
    "models",
    "shields",
    "vector_dbs",
    "datasets",
    "scoring_fns",
    "benchmarks",
    "tool_groups",
)
"""What stood at the root before there was `registered_resources`."""

OPTIONAL = (
    "apis",
    "registered_resources",
    "storage",
    "connectors",
    "vector_stores",
    "safety",
    "telemetry",
    "logging",
    "server",
)
"""Sections that are not there where they have no value."""

DISABLED = "__disabled__"


def empty_sections(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """A section without a value is none."""
    for entry in root.entries:
        if entry.key in OPTIONAL and _is_null(entry.value):
            yield Remove((entry.key,)), None


def name_of_the_stack(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """OGX calls the stack's name `distro_name`."""
    entry = root.entry("distro_name")
    if entry:
        note = _note("`distro_name`", "`image_name`", entry.key_span)
        old = root.get("image_name")
        if old is not None:
            yield Remove(("image_name",)), None
        yield Rename(("distro_name",), "image_name"), note


def version_as_text(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """Early files quote the version."""
    version = root.get("version")
    if isinstance(version, Scalar) and version.value == "2":
        note = _note('`version: "2"`', "`version: 2`", version.span)
        yield Put(("version",), Scalar(2, "2", version.span)), note


def resources_at_the_root(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """Before 0.3, resources stood at the root."""
    for entry in root.entries:
        if entry.key in RESOURCES:
            new = ("registered_resources", entry.key)
            note = _note(f"`{entry.key}` at the root", f"`{'.'.join(new)}`", entry.key_span)
            yield Move((entry.key,), new), note


def vector_databases(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """Vector stores were called vector databases."""
    path = ("registered_resources", "vector_dbs")
    entry = _entry(root, path)
    if entry is None:
        return
    if not isinstance(entry.value, Sequence) or not entry.value.items:
        yield Remove(path), _note("`vector_dbs`", "`vector_stores`", entry.key_span)
        return
    for index, item in enumerate(entry.value.items):
        for key in ("vector_db_id", "provider_vector_db_id", "vector_db_name"):
            if isinstance(item, Mapping) and item.get(key) is not None:
                yield Rename((*path, index, key), key.replace("_db_", "_store_")), None
    yield Rename(path, "vector_stores"), _note("`vector_dbs`", "`vector_stores`", entry.key_span)


def telemetry_as_a_provider(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """Before 0.3, telemetry was an API with a provider; now it is switched on."""
    entry = _entry(root, ("providers", "telemetry"))
    apis = root.get("apis")
    for index, api in _backwards(apis):
        if isinstance(api, Scalar) and api.value == "telemetry":
            yield Remove(("apis", index)), None
    if entry is not None:
        yield Remove(("providers", "telemetry")), None
        on = Put(("telemetry", "enabled"), Scalar(True, "true", entry.key_span))
        yield on, _note("a provider of `telemetry`", "`telemetry: {enabled: true}`", entry.key_span)


def disabled_providers(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """`${env.X:=__disabled__}` took the id from the variable; `__disabled__` and no id mean off."""
    for path, provider in _backwards_providers(root):
        id_ = provider.get("provider_id")
        if not isinstance(id_, Scalar):
            continue
        if id_.value in (DISABLED, None) or _is_never(id_.value):
            yield Remove(path), warnings.never_enabled("", "it has no id", id_.span)
            continue
        variable = _switch_of(id_.value)
        if variable:
            name = _last_part(provider.get("provider_type"))
            text = Text((Reference(variable, ":+", name),))
            note = _note(f"`{id_.raw}`", f"`{text}`", id_.span)
            yield Put((*path, "provider_id"), Scalar(text, str(text), id_.span)), note


def renamed_types(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """Provider types that another one stands for today."""
    for path, provider in _backwards_providers(root):
        type_ = provider.get("provider_type")
        known = _type(path, provider, catalog)
        if known and known.replaced_by and type_ is not None:
            note = _note(f"`{known.type}`", f"`{known.replaced_by}`", type_.span)
            new = Scalar(known.replaced_by, known.replaced_by, type_.span)
            yield Put((*path, "provider_type"), new), note


def renamed_keys(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """Keys of a provider's config that are called otherwise in another version."""
    for path, provider in _backwards_providers(root):
        known, config = _type(path, provider, catalog), provider.get("config")
        if known is None or not isinstance(config, Mapping):
            continue
        for name, schema in known.config.get("properties", {}).items():
            for old in schema.get("x-aliases", ()):
                entry = config.entry(old)
                if entry and config.entry(name) is None:
                    note = _note(f"`{old}`", f"`{name}`", entry.key_span)
                    yield Rename((*path, "config", old), name), note


def _type(path: tuple[str | int, ...], provider: Mapping, catalog: Catalog) -> ProviderType | None:
    type_, api = provider.get("provider_type"), str(path[1])
    if not isinstance(type_, Scalar) or not isinstance(type_.value, str):
        return None
    return catalog.provider(api, type_.value) if api in catalog.api_names else None


def _switch_of(value: object) -> str | None:
    """The variable of `${env.X:=__disabled__}`."""
    if not isinstance(value, Text) or len(value.parts) != 1:
        return None
    reference = value.parts[0]
    old = isinstance(reference, Reference) and reference.operand == DISABLED
    return reference.name if old and isinstance(reference, Reference) else None


def _is_never(value: object) -> bool:
    """Whether an id is `${env.X:+}`, which is nothing either way."""
    parts = value.parts if isinstance(value, Text) else ()
    only = parts[0] if len(parts) == 1 else None
    return isinstance(only, Reference) and only.operator == ":+" and not only.operand


def _last_part(type_: Value | None) -> str:
    return str(type_.value).rpartition("::")[2] if isinstance(type_, Scalar) else "provider"


def _backwards(value: Value | None) -> Iterator[tuple[int, Value]]:
    """The items of a list from the last on, so that removing one moves none that is to come."""
    items = value.items if isinstance(value, Sequence) else ()
    yield from reversed(list(enumerate(items)))


def _backwards_providers(root: Mapping) -> Iterator[tuple[tuple[str | int, ...], Mapping]]:
    """Every provider and its path, those of a list from the last on."""
    apis = root.get("providers")
    for api in apis.entries if isinstance(apis, Mapping) else ():
        for index, provider in _backwards(api.value):
            if isinstance(provider, Mapping):
                yield ("providers", api.key, index), provider


def _entry(root: Mapping, path: tuple[str, ...]) -> Entry | None:
    owner = found(root, path[:-1])
    return owner.entry(path[-1]) if isinstance(owner, Mapping) else None


def _is_null(value: Value) -> bool:
    return isinstance(value, Scalar) and plain(value) is None


def _note(old: str, new: str, span: Span) -> Diagnostic:
    return warnings.old_spelling(old, new, span)
