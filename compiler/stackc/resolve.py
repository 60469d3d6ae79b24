"""Resolving: every name of a spec is looked up, and the parts are put in the order of their needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from stackc.catalog import Api, Catalog, ProviderType
from stackc.check import ModelSpec, ProviderSpec, Spec
from stackc.diagnostics import errors
from stackc.diagnostics.report import Diagnostic, raise_any
from stackc.models.errors import InvalidSourceError
from stackc.models.source import ModelSource, parse_source
from stackc.names import shadowed_by
from stackc.order import CycleError, in_order
from stackc.values import Checked, LateBound, Name, Object
from stackc.variables import Variable, variables_of

ModelType = Literal["llm", "embedding"]


@dataclass(frozen=True)
class Provider:
    """A provider bound to its catalog entry; `enabled_by` names the variable that switches it on."""

    id: str
    api: str
    type: ProviderType
    config: Object
    enabled_by: str | None
    span: Name


@dataclass(frozen=True)
class Model:
    """A model bound to its provider. `type` is None where only the weights tell."""

    id: Checked
    provider: Provider
    provider_model_id: Checked
    type: ModelType | None
    metadata: Object
    source: ModelSource | None
    quantization: str
    context_length: int | None
    spec: ModelSpec


@dataclass(frozen=True)
class Stack:
    """What to build, with no name left to look up, and nothing of how.

    The stage exists so that planning cannot fail: references are bound, providers come after what
    they need, every part is used. It knows of no target. `apis` are served, `provided` have
    providers; an API that others need may be the one and not the other.
    """

    name: str
    apis: tuple[Api, ...]
    provided: tuple[Api, ...]
    providers: tuple[Provider, ...]
    models: tuple[Model, ...]
    variables: tuple[Variable, ...]
    server: Object
    packages: tuple[str, ...]
    excluded_packages: tuple[str, ...]
    spec: Spec


def resolve(spec: Spec, catalog: Catalog) -> Stack:
    """The stack that a spec means; raises CompileError with every name that does not resolve."""
    faults: list[Diagnostic] = []
    faults += _name_faults(spec)
    faults += _api_faults(spec, catalog)
    faults += _duplicate_providers(spec)
    providers = tuple(_bound_providers(spec, catalog, faults))
    faults += _dependency_faults(spec, providers, catalog)
    models = tuple(_bound_models(spec, providers, faults))
    faults += _duplicate_models(models)
    faults += _unused(spec, providers, catalog)
    faults += _dangling_stores(spec)
    variables = variables_of(spec, faults)
    raise_any(faults)
    return Stack(
        name=spec.name.text,
        apis=tuple(catalog.api(name) for name in _served(spec, catalog)),
        provided=tuple(catalog.api(name) for name in sorted(_provided(spec))),
        providers=_ordered(spec, providers),
        models=models,
        variables=variables,
        server=spec.server,
        packages=_packages(providers, catalog),
        excluded_packages=tuple(
            sorted({name for provider in providers for name in provider.type.excluded_packages})
        ),
        spec=spec,
    )


def _name_faults(spec: Spec) -> Iterator[Diagnostic]:
    shadowed = shadowed_by(spec.name.text)
    if shadowed:
        yield errors.shadowing_name(spec.name.text, shadowed, spec.name.span)


def _served(spec: Spec, catalog: Catalog) -> tuple[str, ...]:
    """The APIs of the stack: those asked for, those they imply, those of every stack; sorted."""
    asked = {name.text for name in spec.apis} if spec.apis is not None else _provided(spec)
    implied = {other for name in asked for other in catalog.api(name).implies}
    return tuple(sorted(asked | implied | set(catalog.always)))


def _provided(spec: Spec) -> set[str]:
    return {provider.api.text for provider in spec.providers}


def _api_faults(spec: Spec, catalog: Catalog) -> Iterator[Diagnostic]:
    asked = {name.text: name for name in spec.apis or ()}
    named = {provider.api.text: provider.api for provider in spec.providers}
    for name in {**named, **asked}.values():
        if name.text not in catalog.api_names:
            yield errors.unknown_api(name, catalog.api_names)
    known = [name for name in asked.values() if name.text in catalog.api_names]
    for name in known:
        for api in (name.text, *catalog.api(name.text).implies):
            if api not in named and catalog.api(api).protocol is not None:
                yield errors.no_provider(Name(api, name.span), catalog.provider_types(api))


def _duplicate_providers(spec: Spec) -> Iterator[Diagnostic]:
    first: dict[tuple[str, str], Name] = {}
    for provider in spec.providers:
        key = provider.api.text, provider.id.text
        if key in first:
            yield errors.duplicate_provider(provider.api.text, provider.id, first[key].span)
        first.setdefault(key, provider.id)


def _bound_providers(spec: Spec, catalog: Catalog, faults: list[Diagnostic]) -> Iterator[Provider]:
    for provider in spec.providers:
        if provider.api.text not in catalog.api_names:
            continue
        found = catalog.provider(provider.api.text, provider.type.text)
        if found is None:
            faults.append(_unknown_provider(provider, catalog))
            continue
        yield Provider(
            id=provider.id.text,
            api=provider.api.text,
            type=found,
            config=provider.config,
            enabled_by=provider.enabled_by,
            span=provider.type,
        )


def _unknown_provider(provider: ProviderSpec, catalog: Catalog) -> Diagnostic:
    api, type_ = provider.api.text, provider.type
    return errors.unknown_provider(api, type_, catalog.provider_types(api))


def _dependency_faults(
    spec: Spec, providers: tuple[Provider, ...], catalog: Catalog
) -> Iterator[Diagnostic]:
    provided = _provided(spec)
    for provider in providers:
        for api in provider.type.requires:
            if api not in provided:
                route = catalog.api(provider.api).routes[0]
                yield errors.missing_dependency(
                    provider.type.type, api, provider.span.span,
                    chain=(api, f"{provider.api}/{provider.id}", f"{route.method} {route.path}"),
                    example=next(iter(catalog.provider_types(api)), None),
                )  # fmt: skip
    try:
        _ordered(spec, providers)
    except CycleError as cycle:
        api, needed = cycle.path[:2]
        inside = (each for each in providers if each.api == api and needed in each.type.requires)
        yield errors.dependency_cycle(cycle.path, next(inside).span.span)


def _ordered(spec: Spec, providers: tuple[Provider, ...]) -> tuple[Provider, ...]:
    """The providers, those of an API after those of the APIs that it requires."""
    needs: dict[str, list[str]] = {}
    for provider in providers:
        needs.setdefault(provider.api, []).extend(provider.type.requires)
    apis = in_order({api: sorted(set(names) & set(needs)) for api, names in needs.items()})
    return tuple(each for api in apis for each in providers if each.api == api)


def _bound_models(
    spec: Spec, providers: tuple[Provider, ...], faults: list[Diagnostic]
) -> Iterator[Model]:
    serving = {each.id: each for each in reversed(providers) if each.api == "inference"}
    named = [each.id.text for each in spec.providers if each.api.text == "inference"]
    for model in spec.models:
        if model.provider.text not in named:
            faults.append(errors.unknown_model_provider(model.id, model.provider, set(named)))
        provider = serving.get(model.provider.text)
        if provider is None:  # its type is unknown, which is told there
            continue
        source = _source(model, faults)
        faults += _source_faults(model, provider)
        yield _model(model, provider, source)


def _model(model: ModelSpec, provider: Provider, source: ModelSource | None) -> Model:
    fields = model.fields
    metadata = fields.get("metadata")
    context = fields.get("context_length")
    return Model(
        id=fields.get("model_id"),
        provider=provider,
        provider_model_id=fields.get("provider_model_id") or fields.get("model_id"),
        type=_model_type(fields.get("model_type"), source),
        metadata=metadata if isinstance(metadata, Object) else Object(()),
        source=source,
        quantization=str(fields.get("quantization") or "int8"),
        context_length=context if isinstance(context, int) else None,
        spec=model,
    )


def _model_type(written: Checked, source: ModelSource | None) -> ModelType | None:
    if written == "embedding":
        return "embedding"
    return "llm" if written == "llm" or source is None else None


def _source(model: ModelSpec, faults: list[Diagnostic]) -> ModelSource | None:
    text = model.fields.get("source")
    if not isinstance(text, str):
        return None
    try:
        return parse_source(text)
    except InvalidSourceError as error:
        faults.append(errors.bad_source(text, error.detail, model.span("source")))
        return None


def _source_faults(model: ModelSpec, provider: Provider) -> Iterator[Diagnostic]:
    compiled = bool(provider.type.compiled_models)
    if compiled and "source" not in model.fields:
        yield errors.model_without_source(model.id, provider.type.type)
    if compiled and isinstance(model.fields.get("model_id"), LateBound):
        yield errors.not_static("model_id", model.id.span)
    if not compiled:
        for key in ("source", "quantization", "context_length"):
            if key in model.fields:
                yield errors.source_without_engine(key, provider.type.type, model.span(key))


def _duplicate_models(models: tuple[Model, ...]) -> Iterator[Diagnostic]:
    first: dict[str, Name] = {}
    for model in models:
        identifier = f"{model.provider.id}/{model.spec.id.text}"
        if identifier in first:
            yield errors.duplicate_model(identifier, model.spec.id, first[identifier].span)
        first.setdefault(identifier, model.spec.id)


def _unused(spec: Spec, providers: tuple[Provider, ...], catalog: Catalog) -> Iterator[Diagnostic]:
    used = {name.text for name in spec.apis} if spec.apis is not None else _provided(spec)
    used |= {api for provider in providers for api in provider.type.requires}
    misspelt = not used <= {*catalog.api_names}
    known = used & {*catalog.api_names}
    used |= {other for name in known for other in catalog.api(name).implies}
    modelled = {model.provider.text for model in spec.models}
    for provider in providers:
        place = next(each.id for each in spec.providers if each.type is provider.span)
        if provider.api not in used and not misspelt:
            yield errors.unused_provider(place, f"`{provider.api}` is not in `apis`")
        elif provider.type.compiled_models and provider.id not in modelled:
            yield errors.unused_provider(place, "no model is bound to it")


def _dangling_stores(spec: Spec) -> Iterator[Diagnostic]:
    known = {name.text for name in spec.backends}
    for store, backend in spec.stores:
        if backend.text not in known:
            yield errors.unknown_backend(store.text, backend, known)


def _packages(providers: tuple[Provider, ...], catalog: Catalog) -> tuple[str, ...]:
    asked = {*catalog.base_packages}
    for provider in providers:
        asked.update(provider.type.packages)
    return tuple(sorted(asked))
