"""Resolving registered resources: their providers, and the resources that they and sections name."""

from collections.abc import Iterator

from stackc.check import ResourceSpec, Spec
from stackc.diagnostics import section_errors
from stackc.diagnostics.report import Diagnostic
from stackc.kinds import KINDS
from stackc.tree import Mapping, Scalar, Value
from stackc.values import Name


def resource_faults(spec: Spec) -> Iterator[Diagnostic]:
    """Every name of a resource, or of a section about them, that dangles or stands twice."""
    known = {kind.api: _providers(spec, kind.api) for kind in KINDS.values()}
    for resource in spec.resources:
        yield from _provider_faults(resource, known[KINDS[resource.kind].api])
    yield from _duplicates(spec)
    yield from _dangling_datasets(spec)
    yield from _section_faults(spec)


def _providers(spec: Spec, api: str) -> list[str]:
    return sorted({each.id.text for each in spec.providers if each.api.text == api})


def _provider_faults(resource: ResourceSpec, known: list[str]) -> Iterator[Diagnostic]:
    kind = KINDS[resource.kind]
    if resource.provider is None:
        if not known or (kind.chooses and len(known) > 1):
            yield section_errors.ambiguous_provider(resource.id, kind.api, known)
    elif resource.provider.text not in known:
        yield section_errors.unknown_resource_provider(
            resource.id, resource.provider, kind.api, known
        )


def _duplicates(spec: Spec) -> Iterator[Diagnostic]:
    first: dict[tuple[str, str], Name] = {}
    for each in spec.resources:
        key = each.kind, each.id.text
        if key in first:
            yield section_errors.duplicate_resource(each.kind, each.id, first[key].span)
        first.setdefault(key, each.id)


def _dangling_datasets(spec: Spec) -> Iterator[Diagnostic]:
    known = {each.id.text for each in spec.resources if each.kind == "datasets"}
    for each in spec.resources:
        dataset = each.name("dataset_id") if each.kind == "benchmarks" else None
        if dataset and dataset.text not in known:
            yield section_errors.unknown_resource("dataset", dataset, known)


QUALIFIED_MODELS = (
    ("default_embedding_model",),
    ("default_reranker_model",),
    ("rewrite_query_params", "model"),
    ("contextual_retrieval_params", "model"),
)
"""Where the section `vector_stores` names a model of a provider."""


def _section_faults(spec: Spec) -> Iterator[Diagnostic]:
    """Defaults of sections that name what is not there."""
    root = spec.document.root
    stores, models = _providers(spec, "vector_io"), _providers(spec, "inference")
    yield from _dangling(_at(root, "vector_stores", "default_provider_id"), "vector_io", stores)
    for path in QUALIFIED_MODELS:
        named = _at(root, "vector_stores", *path, "provider_id")
        yield from _dangling(named, "inference", models)
    shield = _at(root, "safety", "default_shield_id")
    known = {each.id.text for each in spec.resources if each.kind == "shields"}
    if shield and shield.text not in known:
        yield section_errors.unknown_resource("shield", shield, known)


def _dangling(provider: Name | None, api: str, known: list[str]) -> Iterator[Diagnostic]:
    if provider and provider.text not in known:
        yield section_errors.unknown_default_provider(provider, api, known)


def _at(value: Value | None, *path: str) -> Name | None:
    """The text at a path, or None where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    known = isinstance(value, Scalar) and isinstance(value.value, str)
    return Name(str(value.value), value.span) if known and isinstance(value, Scalar) else None
