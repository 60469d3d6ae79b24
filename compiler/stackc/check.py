"""Checking: a document has the right shape, field by field, and every value the type of its field."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from stackc.catalog import Catalog, JsonSchema
from stackc.diagnostics.report import CompileError, Diagnostic, some
from stackc.fields import Fields
from stackc.kinds import KINDS
from stackc.shape import faults_of
from stackc.source import Span
from stackc.tree import Document, Entry, Mapping, Scalar, Sequence, Value, plain
from stackc.unbuilt import unbuilt
from stackc.values import Checked, Name, Object
from stackc.variants import concrete


@dataclass(frozen=True)
class ProviderSpec:
    """A provider as it was asked for; `enabled_by` is the variable that switches it on.

    `config` is typed, `written` is the same as it stands in the document.
    """

    api: Name
    id: Name
    enabled_by: str | None
    type: Name
    config: Object
    written: Value | None


@dataclass(frozen=True)
class ResourceSpec:
    """A registered resource as it was asked for; `kind` is the list that it stands in.

    `fields` holds all of it, typed; the names are as written. `provider` is None where only one
    provider can be meant; `enabled_by` is the variable that switches it on.
    """

    kind: str
    id: Name
    provider: Name | None
    enabled_by: str | None
    fields: Object
    spans: dict[str, Span]

    def span(self, path: str) -> Span:
        """The place of a value such as `head.data`, or of the resource where it is not there."""
        return self.spans.get(path, self.id.span)

    def name(self, path: str) -> Name | None:
        """The text under a path as a name, where there is one."""
        value: Checked = self.fields
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Object) else None
        return Name(value, self.span(path)) if isinstance(value, str) else None


@dataclass(frozen=True)
class StoreSpec:
    """A reference to a backend: what is kept there, and whether as `kv` or `sql`.

    `owner` is the type of the provider whose store it is, None for a store of the stack.
    """

    name: str
    owner: str | None
    kind: str
    backend: Name

    @property
    def told(self) -> str:
        """What a diagnostic calls it."""
        return f"`{self.name}` of `{self.owner}`" if self.owner else f"`{self.name}`"


@dataclass(frozen=True)
class Spec:
    """A distribution of the right shape.

    The stage exists so that later ones deal with meaning alone: every key is known, every value has
    the type of its field. Names may still dangle. `faults` are the warnings, and the keys of
    providers' configs that are not known after all: whoever resolves the names tells them too.
    """

    document: Document
    name: Name
    apis: tuple[Name, ...] | None
    providers: tuple[ProviderSpec, ...]
    models: tuple[ResourceSpec, ...]
    resources: tuple[ResourceSpec, ...]
    backends: dict[str, str] | None
    stores: tuple[StoreSpec, ...]
    server: Object
    sections: Object
    unbuilt: tuple[Diagnostic, ...]
    faults: tuple[Diagnostic, ...]


def check(document: Document, catalog: Catalog) -> Spec:
    """The spec that a document is; raises CompileError with every fault of its shape.

    An unknown key of a provider's config hides no name, so it does not keep names from being resolved.
    """
    schema = catalog.distribution_schema
    faults = [*document.warnings]
    faults += some(faults_of(document.root, schema, "the distribution", document.root.span))
    unknown_keys: list[Diagnostic] = []
    for fault in some(_configs_faults(document.root, catalog)):
        (unknown_keys if fault.code == "unknown-key" else faults).append(fault)
    _stop(faults, unknown_keys)
    fields = Fields(schema)
    spec = _spec(document, catalog, fields)
    faults += some(fields.faults)
    _stop(faults, unknown_keys)
    return replace(spec, faults=(*faults, *unknown_keys))


def _stop(faults: list[Diagnostic], others: list[Diagnostic]) -> None:
    """Raises CompileError with all of them where one of the first is an error."""
    if any(each.severity == "error" for each in faults):
        raise CompileError([*faults, *others])


def _configs_faults(root: Mapping, catalog: Catalog) -> Iterator[Diagnostic]:
    for api, provider in _providers(root):
        yield from _config_faults(api, provider, catalog)


def _config_faults(api: Entry, provider: Mapping, catalog: Catalog) -> Iterator[Diagnostic]:
    kind = _config_schema(api, provider, catalog)
    place = provider.entry("provider_type")
    if kind is None or place is None:
        return
    config = provider.get("config") or Mapping((), place.value.span)
    if isinstance(config, Mapping):
        name = f"the config of `{plain(place.value)}`"
        yield from faults_of(config, kind, name, config.span)


def _config_schema(api: Entry, provider: Mapping, catalog: Catalog) -> JsonSchema | None:
    """The schema of a provider's config, where the catalog has the provider."""
    type_ = provider.get("provider_type")
    if not isinstance(type_, Scalar) or not isinstance(type_.value, str):
        return None
    found = catalog.provider(api.key, type_.value) if api.key in catalog.api_names else None
    return found.config if found else None


def _providers(root: Mapping) -> Iterator[tuple[Entry, Mapping]]:
    """Each provider with the API that it stands under, as far as the shape allows."""
    apis = root.get("providers")
    for api in apis.entries if isinstance(apis, Mapping) else ():
        for provider in api.value.items if isinstance(api.value, Sequence) else ():
            if isinstance(provider, Mapping):
                yield api, provider


def _spec(document: Document, catalog: Catalog, fields: Fields) -> Spec:
    root = document.root
    apis = root.get("apis")
    schema = catalog.distribution_schema
    others = tuple(each for each in root.entries if each.key not in OWN_SPECS)
    sections = fields.object(Mapping(others, root.span), schema)
    server = sections.get("server")
    providers = tuple(_providers(root))
    configs = [_config_schema(api, provider, catalog) or {} for api, provider in providers]
    return Spec(
        document=document,
        name=_name(root.get("image_name")),
        apis=tuple(map(_name, apis.items)) if isinstance(apis, Sequence) else None,
        providers=tuple(
            _provider_spec(api, provider, config, fields)
            for (api, provider), config in zip(providers, configs, strict=True)
        ),
        models=tuple(_resources(root, "models", schema, fields)),
        resources=tuple(
            each
            for kind in KINDS
            if kind != "models"
            for each in _resources(root, kind, schema, fields)
        ),
        backends=_backends(root),
        stores=tuple(_stores(root, schema, zip(providers, configs, strict=True))),
        server=server if isinstance(server, Object) else Object(()),
        sections=sections,
        unbuilt=tuple(_unbuilt(root, schema, zip(providers, configs, strict=True))),
        faults=(),
    )


OWN_SPECS = ("providers", "registered_resources")
"""The sections whose entries are specs of their own."""

Configured = Iterable[tuple[tuple[Entry, Mapping], JsonSchema]]
"""Each provider under its API, with the schema of its config."""


def _unbuilt(root: Mapping, schema: JsonSchema, providers: Configured) -> Iterator[Diagnostic]:
    yield from unbuilt(root, schema, schema)
    for (_, provider), config in providers:
        yield from unbuilt(provider.get("config"), config, schema)


def _provider_spec(
    api: Entry, provider: Mapping, config: JsonSchema, fields: Fields
) -> ProviderSpec:
    id_, enabled_by = fields.provider_id(provider.get("provider_id"))
    return ProviderSpec(
        api=Name(api.key, api.key_span),
        id=id_,
        enabled_by=enabled_by,
        type=_name(provider.get("provider_type")),
        config=fields.object(provider.get("config"), config),
        written=provider.get("config"),
    )


def _resources(
    root: Mapping, kind: str, schema: JsonSchema, fields: Fields
) -> Iterator[ResourceSpec]:
    resources = root.get("registered_resources")
    found = resources.get(kind) if isinstance(resources, Mapping) else None
    for each in found.items if isinstance(found, Sequence) else ():
        if isinstance(each, Mapping):
            yield _resource(kind, each, schema, fields)


def _resource(kind: str, each: Mapping, schema: JsonSchema, fields: Fields) -> ResourceSpec:
    written = each.get("provider_id")
    provider, enabled_by = fields.provider_id(written) if written else (None, None)
    definition = schema["$defs"][KINDS[kind].definition]
    return ResourceSpec(
        kind=kind,
        id=_name(each.get(KINDS[kind].id)),
        provider=provider,
        enabled_by=enabled_by,
        fields=fields.object(each, definition),
        spans=dict(_spans(each)),
    )


def _spans(mapping: Mapping, prefix: str = "") -> Iterator[tuple[str, Span]]:
    """The place of every value in a mapping, by its path: `metadata.context_length`."""
    for entry in mapping.entries:
        yield f"{prefix}{entry.key}", entry.value.span
        if isinstance(entry.value, Mapping):
            yield from _spans(entry.value, f"{prefix}{entry.key}.")


def _backends(root: Mapping) -> dict[str, str] | None:
    """The type of each backend by its name; None where there is no storage section."""
    storage = root.get("storage")
    if not isinstance(storage, Mapping):
        return None
    found = storage.get("backends")
    entries = found.entries if isinstance(found, Mapping) else ()
    return {entry.key: _name(_within(entry.value, "type")).text for entry in entries}


def _stores(root: Mapping, schema: JsonSchema, providers: Configured) -> Iterator[StoreSpec]:
    """Every reference to a backend: those of the sections and those of the providers' configs."""
    yield from _references(root, schema, schema["$defs"], None)
    for (_, provider), config in providers:
        owner = _name(provider.get("provider_type")).text
        config_value = provider.get("config")
        if isinstance(config_value, Mapping):
            yield from _references(config_value, config, schema["$defs"], owner)


def _references(
    mapping: Mapping, schema: JsonSchema, definitions: dict[str, JsonSchema], owner: str | None
) -> Iterator[StoreSpec]:
    properties = concrete(schema, definitions, mapping).get("properties", {})
    for entry in mapping.entries:
        found = properties.get(entry.key)
        if not isinstance(entry.value, Mapping) or found is None:
            continue
        kind = concrete(found, definitions, entry.value).get("x-store")
        if kind is not None:
            backend = _name(entry.value.get("backend"))
            yield StoreSpec(entry.key, owner, kind, backend)
        else:
            yield from _references(entry.value, found, definitions, owner)


def _within(value: Value, key: str) -> Value | None:
    return value.get(key) if isinstance(value, Mapping) else None


def _name(value: Value | None) -> Name:
    """A name that the shape guarantees to be there."""
    assert isinstance(value, Scalar)
    return Name(str(value.value), value.span)
