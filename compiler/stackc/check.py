"""Checking: a document has the right shape, field by field, and every value the type of its field."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from stackc.catalog import Catalog, JsonSchema
from stackc.diagnostics.report import Diagnostic, stop_at_errors
from stackc.fields import Fields
from stackc.shape import faults_of
from stackc.source import Span
from stackc.tree import Document, Entry, Mapping, Scalar, Sequence, Value, plain
from stackc.values import Name, Object


@dataclass(frozen=True)
class ProviderSpec:
    """A provider as it was asked for; `enabled_by` is the variable that switches it on."""

    api: Name
    id: Name
    enabled_by: str | None
    type: Name
    config: Object


@dataclass(frozen=True)
class ModelSpec:
    """A model as it was asked for. `fields` holds all of it, typed; the names are as written."""

    id: Name
    provider: Name
    fields: Object
    spans: dict[str, Span]

    def span(self, path: str) -> Span:
        """The place of a value such as `head.data`, or of the model where it is not there."""
        return self.spans.get(path, self.id.span)


@dataclass(frozen=True)
class Spec:
    """A distribution of the right shape.

    The stage exists so that later ones deal with meaning alone: every key is known, every value has
    the type of its field. Names may still dangle.
    """

    document: Document
    name: Name
    apis: tuple[Name, ...] | None
    providers: tuple[ProviderSpec, ...]
    models: tuple[ModelSpec, ...]
    backends: tuple[Name, ...]
    stores: tuple[tuple[Name, Name], ...]
    server: Object
    warnings: tuple[Diagnostic, ...]


def check(document: Document, catalog: Catalog) -> Spec:
    """The spec that a document is; raises CompileError with every fault of its shape."""
    schema = catalog.distribution_schema
    faults = [*document.warnings]
    faults += faults_of(document.root, schema, "the distribution", document.root.span)
    for api, provider in _providers(document.root):
        faults += _config_faults(api, provider, catalog)
    stop_at_errors(faults)
    fields = Fields(schema)
    spec = _spec(document, catalog, fields)
    return replace(spec, warnings=stop_at_errors([*faults, *fields.faults]))


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
    server = root.get("server")
    return Spec(
        document=document,
        name=_name(root.get("image_name")),
        apis=tuple(map(_name, apis.items)) if isinstance(apis, Sequence) else None,
        providers=tuple(
            _provider_spec(api, provider, _config_schema(api, provider, catalog), fields)
            for api, provider in _providers(root)
        ),
        models=tuple(_model_spec(model, schema, fields) for model in _models(root)),
        backends=tuple(Name(entry.key, entry.key_span) for entry in _storage(root, "backends")),
        stores=tuple(
            (Name(entry.key, entry.key_span), _name(entry.value.get("backend")))
            for entry in _storage(root, "stores")
            if isinstance(entry.value, Mapping)
        ),
        server=fields.object(server, schema["$defs"]["server"]),
        warnings=(),
    )


def _provider_spec(
    api: Entry, provider: Mapping, config: JsonSchema | None, fields: Fields
) -> ProviderSpec:
    id_, enabled_by = fields.provider_id(provider.get("provider_id"))
    return ProviderSpec(
        api=Name(api.key, api.key_span),
        id=id_,
        enabled_by=enabled_by,
        type=_name(provider.get("provider_type")),
        config=fields.object(provider.get("config"), config or {}),
    )


def _model_spec(model: Mapping, schema: JsonSchema, fields: Fields) -> ModelSpec:
    return ModelSpec(
        id=_name(model.get("model_id")),
        provider=_name(model.get("provider_id")),
        fields=fields.object(model, schema["$defs"]["model"]),
        spans=dict(_spans(model)),
    )


def _spans(mapping: Mapping, prefix: str = "") -> Iterator[tuple[str, Span]]:
    """The place of every value in a mapping, by its path: `metadata.context_length`."""
    for entry in mapping.entries:
        yield f"{prefix}{entry.key}", entry.value.span
        if isinstance(entry.value, Mapping):
            yield from _spans(entry.value, f"{prefix}{entry.key}.")


def _models(root: Mapping) -> Iterator[Mapping]:
    resources = root.get("registered_resources")
    models = resources.get("models") if isinstance(resources, Mapping) else None
    for model in models.items if isinstance(models, Sequence) else ():
        if isinstance(model, Mapping):
            yield model


def _storage(root: Mapping, section: str) -> tuple[Entry, ...]:
    storage = root.get("storage")
    found = storage.get(section) if isinstance(storage, Mapping) else None
    return found.entries if isinstance(found, Mapping) else ()


def _name(value: Value | None) -> Name:
    """A name that the shape guarantees to be there."""
    assert isinstance(value, Scalar)
    return Name(str(value.value), value.span)
