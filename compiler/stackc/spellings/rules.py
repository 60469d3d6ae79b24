"""What each old spelling means today: a rule each, from a document to its changes and their notes."""

from collections.abc import Callable, Iterator

from stackc.catalog import Catalog, ProviderType
from stackc.diagnostics import warnings
from stackc.diagnostics.report import Diagnostic
from stackc.environment import Reference, Text
from stackc.kinds import KINDS
from stackc.source import Span
from stackc.spellings.changes import Change, Move, Path, Put, Remove, Rename, found
from stackc.tree import Entry, Mapping, Scalar, Sequence, Value, plain

Noted = tuple[Change, Diagnostic | None]
"""A change, and the note that tells of it; changes that belong together have one note."""

Rule = Callable[[Mapping, Catalog], Iterator[Noted]]

RESOURCES = (
    "models",
    "shields",
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
    "metadata_store",
    "inference_store",
    "conversations_store",
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
    """Before 0.3, resources stood at the root; one that stands in both places is left as it is."""
    today = root.get("registered_resources")
    if today is not None and not isinstance(today, Mapping):
        return
    for entry in root.entries:
        new = ("registered_resources", entry.key)
        if entry.key not in RESOURCES or found(root, new) is not None:
            continue
        note = _note(f"`{entry.key}` at the root", f"`{'.'.join(new)}`", entry.key_span)
        yield (Remove((entry.key,)) if _is_null(entry.value) else Move((entry.key,), new)), note


def vector_databases(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """Vector stores were called vector databases, and stood at the root before 0.3."""
    new = ("registered_resources", "vector_stores")
    for path in (("vector_dbs",), ("registered_resources", "vector_dbs")):
        entry = _entry(root, path)
        if entry is None or found(root, new) is not None:
            continue
        for index, item in enumerate(_items(entry.value)):
            for key in ("vector_db_id", "provider_vector_db_id", "vector_db_name"):
                if isinstance(item, Mapping) and item.get(key) is not None:
                    yield Rename((*path, index, key), key.replace("_db_", "_store_")), None
        note = _note("`vector_dbs`", f"`{'.'.join(new)}`", entry.key_span)
        yield (Remove(path) if _is_null(entry.value) else Move(path, new)), note
        return


def telemetry_as_a_provider(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """Before 0.3, telemetry was an API with a provider; now it is switched on."""
    for index, api in _backwards(root.get("apis")):
        if isinstance(api, Scalar) and api.value == "telemetry":
            yield Remove(("apis", index)), None
    entry = _entry(root, ("providers", "telemetry"))
    if entry is None:
        return
    some = bool(_items(entry.value))
    note = _note("a provider of `telemetry`", "`telemetry: {enabled: true}`", entry.key_span)
    yield Remove(("providers", "telemetry")), note if some else None
    if some and root.get("telemetry") is None:
        yield Put(("telemetry", "enabled"), Scalar(True, "true", entry.key_span)), None


def disabled_providers(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """`${env.X:=__disabled__}` took the id from the variable; `__disabled__` and no id mean off."""
    for path, provider in _backwards_providers(root):
        id_ = provider.get("provider_id")
        if not isinstance(id_, Scalar):
            continue
        if _is_off(id_.value):
            yield Remove(path), warnings.never_enabled("provider", _why_off(id_), id_.span)
            continue
        variable = _switch_of(id_.value)
        if variable:
            yield _switched((*path, "provider_id"), id_, variable, _own_id(provider))


def disabled_resources(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """A resource of a provider that is off is none; of one that a variable switches, has its id."""
    switched = dict(_switched_providers(root))
    for path, resource in _backwards_resources(root):
        id_, api = resource.get("provider_id"), _api_of(str(path[1]))
        if not isinstance(id_, Scalar):
            continue
        if _is_off(id_.value):
            yield Remove(path), warnings.never_enabled("resource", _why_off(id_), id_.span)
            continue
        variable = _switch_of(id_.value)
        if variable and (api, variable) in switched:
            provider = switched[api, variable]
            yield _switched((*path, "provider_id"), id_, variable, provider)


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


def _type(path: Path, provider: Mapping, catalog: Catalog) -> ProviderType | None:
    type_, api = provider.get("provider_type"), str(path[1])
    if not isinstance(type_, Scalar) or not isinstance(type_.value, str):
        return None
    return catalog.provider(api, type_.value) if api in catalog.api_names else None


def _switch_of(value: object) -> str | None:
    """The variable of `${env.X:=__disabled__}`."""
    only = _only(value)
    old = only is not None and only.operator == ":=" and only.operand == DISABLED
    return only.name if old and only else None


def _only(value: object) -> Reference | None:
    """The reference that a value is, where it is one and no other text."""
    parts = value.parts if isinstance(value, Text) else ()
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Reference) else None


def _is_off(value: object) -> bool:
    """Whether an id switches off, such as `${env.X:+}`, which is nothing either way."""
    only = _only(value)
    never = only is not None and only.operator == ":+" and only.operand in ("", DISABLED)
    return never or value in (None, DISABLED)


def _why_off(id_: Scalar) -> str:
    return f"`{DISABLED}` means that it is off" if DISABLED in id_.raw else "it has no id"


def _switched(path: Path, id_: Scalar, variable: str, name: str) -> Noted:
    """An id that a variable held becomes one that it switches on."""
    text = Text((Reference(variable, ":+", name),))
    note = _note(f"`{id_.raw}`", f"`{text}`", id_.span)
    return Put(path, Scalar(text, str(text), id_.span)), note


def _own_id(provider: Mapping) -> str:
    """An id for a provider that has none of its own: the last part of its type."""
    type_ = provider.get("provider_type")
    return str(type_.value).rpartition("::")[2] if isinstance(type_, Scalar) else "provider"


def _switched_providers(root: Mapping) -> Iterator[tuple[tuple[str, str], str]]:
    """The id of each provider that a variable switches on, by its API and the variable."""
    for path, provider in _backwards_providers(root):
        id_ = provider.get("provider_id")
        only = _only(id_.value) if isinstance(id_, Scalar) else None
        if only and only.operator == ":+":
            yield (str(path[1]), only.name), only.operand


def _api_of(kind: str) -> str:
    return KINDS[kind].api if kind in KINDS else ""


def _backwards_resources(root: Mapping) -> Iterator[tuple[Path, Mapping]]:
    """Every registered resource and its path, those of a list from the last on."""
    kinds = root.get("registered_resources")
    for kind in kinds.entries if isinstance(kinds, Mapping) else ():
        for index, resource in _backwards(kind.value):
            if isinstance(resource, Mapping):
                yield ("registered_resources", kind.key, index), resource


def _backwards(value: Value | None) -> Iterator[tuple[int, Value]]:
    """The items of a list from the last on, so that removing one moves none that is to come."""
    yield from reversed(list(enumerate(_items(value))))


def _items(value: Value | None) -> tuple[Value, ...]:
    return value.items if isinstance(value, Sequence) else ()


def _backwards_providers(root: Mapping) -> Iterator[tuple[Path, Mapping]]:
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
