"""Resolving: every name of a spec is looked up, and the parts are put in the order of their needs."""

import re
from collections.abc import Iterable, Iterator
from typing import cast

from stackc.catalog import Catalog, Packages
from stackc.check import ProviderSpec, Spec
from stackc.diagnostics import errors, section_errors
from stackc.diagnostics.report import Diagnostic, some, stop_at_errors
from stackc.diagnostics.suggest import renames
from stackc.lint import suspicions
from stackc.order import CycleError, in_order
from stackc.policy import policy_diagnostics
from stackc.resolve_models import bound_models
from stackc.resolve_resources import resource_faults
from stackc.stack import Device, Provider, Stack
from stackc.values import Name
from stackc.variables import variables_of


def resolve(spec: Spec, catalog: Catalog) -> Stack:
    """The stack that a spec means; raises CompileError with every name that does not resolve."""
    faults = [*spec.faults]
    faults += some(_api_faults(spec, catalog))
    faults += some(_duplicate_providers(spec))
    faults += some(_provider_type_faults(spec, catalog))
    providers = tuple(_bound_providers(spec, catalog))
    faults += some(_dependency_faults(spec, providers, catalog))
    unbound: list[Diagnostic] = []
    models = bound_models(spec, providers, unbound)
    faults += some(unbound)
    faults += some(_unused(spec, providers, catalog))
    faults += some(_store_faults(spec))
    faults += some(resource_faults(spec))
    faults += some(policy_diagnostics(spec))
    faults += spec.unbuilt
    faults += some(suspicions(spec, providers, catalog.distribution_schema))
    unclear: list[Diagnostic] = []
    variables = variables_of(spec, unclear)
    faults += some(unclear)
    warnings = stop_at_errors(faults)
    return Stack(
        name=spec.name.text,
        apis=tuple(catalog.api(name) for name in _served(spec, catalog)),
        provided=tuple(catalog.api(name) for name in sorted(_provided(spec))),
        providers=_ordered(spec, providers),
        models=models,
        variables=variables,
        server=spec.server,
        packages=packages_of(providers, catalog),
        measuring_packages=packages_of(providers, catalog, device="cpu"),
        spec=spec,
        warnings=warnings,
    )


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
    renamed = renames(named, catalog.api_names), renames(asked, catalog.api_names)
    for name in {**named, **asked}.values():
        if name.text not in catalog.api_names:
            near = renamed[name.text in asked].get(name.text)
            yield errors.unknown_api(name, catalog.api_names, near)
    known = [name for name in asked.values() if name.text in catalog.api_names]
    for name in known:
        for api in (name.text, *catalog.api(name.text).implies):
            if api not in named and catalog.api(api).takes_providers:
                yield errors.no_provider(Name(api, name.span), _types(api, catalog))
        if name.text not in named and catalog.api(name.text).planned:
            yield section_errors.planned_api(name)


def _duplicate_providers(spec: Spec) -> Iterator[Diagnostic]:
    first: dict[tuple[str, str], Name] = {}
    for provider in spec.providers:
        key = provider.api.text, provider.id.text
        if key in first:
            yield errors.duplicate_provider(provider.api.text, provider.id, first[key].span)
        first.setdefault(key, provider.id)


def _provider_type_faults(spec: Spec, catalog: Catalog) -> Iterator[Diagnostic]:
    for provider in spec.providers:
        if provider.api.text in catalog.api_names:
            found = catalog.provider(provider.api.text, provider.type.text)
            if found is None:
                yield _unknown_provider(provider, catalog)
            elif found.planned:
                yield section_errors.planned_provider(provider.type, provider.api.text)


def _bound_providers(spec: Spec, catalog: Catalog) -> Iterator[Provider]:
    """The providers whose type is known."""
    for provider in spec.providers:
        if provider.api.text not in catalog.api_names:
            continue
        found = catalog.provider(provider.api.text, provider.type.text)
        if found is None:
            continue
        yield Provider(
            id=provider.id.text,
            api=provider.api.text,
            type=found,
            config=provider.config,
            device=cast(Device, provider.config.get("device") or "cpu"),
            enabled_by=provider.enabled_by,
            written=provider.written,
            span=provider.type,
        )


def _unknown_provider(provider: ProviderSpec, catalog: Catalog) -> Diagnostic:
    api, type_ = provider.api.text, provider.type
    return errors.unknown_provider(
        api, type_, catalog.provider_types(api), catalog.built_types(api)
    )


def _dependency_faults(
    spec: Spec, providers: tuple[Provider, ...], catalog: Catalog
) -> Iterator[Diagnostic]:
    provided = _provided(spec)
    for provider in providers:
        for api in provider.type.requires:
            if api not in provided and catalog.api(api).takes_providers:
                yield errors.missing_dependency(
                    provider.type.type, api, provider.span.span,
                    chain=(api, f"{provider.api}/{provider.id}", _purpose(provider.api, catalog)),
                    example=next(iter(_types(api, catalog)), None),
                )  # fmt: skip
    try:
        _ordered(spec, providers)
    except CycleError as cycle:
        api, needed = cycle.path[:2]
        inside = (each for each in providers if each.api == api and needed in each.type.requires)
        yield errors.dependency_cycle(cycle.path, next(inside).span.span)


def _types(api: str, catalog: Catalog) -> tuple[str, ...]:
    """The types to name where one is missing: those that are built, or all where none is."""
    return catalog.built_types(api) or catalog.provider_types(api)


def _purpose(api: str, catalog: Catalog) -> str:
    """The route that an API is there for, or the API where it has none."""
    routes = catalog.api(api).routes
    return f"{routes[0].method} {routes[0].path}" if routes else api


def _ordered(spec: Spec, providers: tuple[Provider, ...]) -> tuple[Provider, ...]:
    """The providers, those of an API after those of the APIs that it requires."""
    needs: dict[str, list[str]] = {}
    for provider in providers:
        needs.setdefault(provider.api, []).extend(provider.type.requires)
    apis = in_order({api: sorted(set(names) & set(needs)) for api, names in needs.items()})
    return tuple(each for api in apis for each in providers if each.api == api)


def _unused(spec: Spec, providers: tuple[Provider, ...], catalog: Catalog) -> Iterator[Diagnostic]:
    used = {name.text for name in spec.apis} if spec.apis is not None else _provided(spec)
    used |= {api for provider in providers for api in provider.type.requires}
    misspelt = not used <= {*catalog.api_names}
    known = used & {*catalog.api_names}
    used |= {other for name in known for other in catalog.api(name).implies}
    modelled = {model.provider.text for model in spec.models if model.provider}
    places = {id(each.type): each.id for each in spec.providers}  # an alias has equal ones
    for provider in providers:
        place = places[id(provider.span)]
        if provider.api not in used and not misspelt:
            yield errors.unused_provider(place, f"`{provider.api}` is not in `apis`")
        elif provider.type.compiled_models and provider.id not in modelled:
            yield errors.unused_provider(place, "no model is bound to it")


def _store_faults(spec: Spec) -> Iterator[Diagnostic]:
    backends = DEFAULT_BACKENDS if spec.backends is None else spec.backends
    for store in spec.stores:
        type_ = backends.get(store.backend.text)
        if type_ is None:
            fitting = [name for name in backends if backends[name].startswith(store.kind)]
            yield errors.unknown_backend(store.told, store.backend, fitting or list(backends))
        elif store.kind != "any" and not type_.startswith(f"{store.kind}_"):
            yield section_errors.wrong_backend_kind(store.told, store.backend, store.kind, type_)


DEFAULT_BACKENDS = {"kv_default": "kv_sqlite", "sql_default": "sql_sqlite"}
"""The backends of a distribution without a section `storage`."""


def packages_of(providers: Iterable[Provider], catalog: Catalog, **config: object) -> Packages:
    """What a stack of these providers installs; `config` overrides theirs.

    What one provider excludes, others do not bring in.
    """
    found = [Packages(catalog.base_packages)]
    for provider in providers:
        found += provider.type.packages_of({**dict(provider.config.fields), **config})
    excluded = {name for each in found for name in each.excluded}
    required = {each for packages in found for each in packages.required}
    kept = (each for each in required if name_of(each) not in excluded)
    return Packages(tuple(sorted(kept)), tuple(sorted(excluded)))


def name_of(requirement: str) -> str:
    """What a requirement of the catalog is called, without its extras, versions and markers."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
