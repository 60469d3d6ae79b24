"""Resolving models: each is bound to its provider, and to the models that it names."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

from stackc.check import ResourceSpec, Spec
from stackc.diagnostics import errors, model_errors, section_errors
from stackc.diagnostics.report import Diagnostic, some
from stackc.models.encoders.head import HeadData
from stackc.models.errors import InvalidSourceError
from stackc.models.sources.source import ModelSource, parse_source
from stackc.stack import DeclaredHead, Model, ModelType, Provider, ToolChoice
from stackc.values import Array, Checked, LateBound, Name, Object

THRESHOLD = 0.3
"""How alike a request and a tool must be, as a cosine, where the distribution does not say."""

COMPILED_ONLY = ("source", "quantization", "context_length", "slots", "tool_choice", "head")
"""The keys of a model that say how it becomes a part of the stack."""


def bound_models(
    spec: Spec, providers: tuple[Provider, ...], faults: list[Diagnostic]
) -> tuple[Model, ...]:
    """The models of a spec; what does not resolve is added to `faults`."""
    faults += some(_provider_faults(spec))
    models = tuple(_bound_models(spec, providers, faults))
    faults += _duplicate_models(models)
    beside: dict[str, dict[str, Model]] = {}
    for each in models:
        beside.setdefault(each.provider.id, {})[each.spec.id.text] = each
    return tuple(
        replace(model, tool_choice=_tool_choice(model, beside[model.provider.id], spec, faults))
        for model in models
    )


def _bound_models(
    spec: Spec, providers: tuple[Provider, ...], faults: list[Diagnostic]
) -> Iterator[Model]:
    serving = {each.id: each for each in reversed(providers) if each.api == "inference"}
    named = _named(spec)
    for model in spec.models:
        provider = serving.get(_provider_name(model, named))
        if provider is None:  # which is told
            continue
        faults += _source_faults(model, provider)
        source = _source(model, model.fields.get("source"), "source", faults)
        yield _model(model, provider, source, _head(model, faults))


def _named(spec: Spec) -> dict[str, None]:
    """The ids of the providers that models can have."""
    return {each.id.text: None for each in spec.providers if each.api.text == "inference"}


def _provider_name(model: ResourceSpec, named: dict[str, None]) -> str:
    """The provider of a model: the one that it names, or the only one, or "" for none."""
    if model.provider is None:
        return next(iter(named)) if len(named) == 1 else ""
    return model.provider.text


def _provider_faults(spec: Spec) -> Iterator[Diagnostic]:
    named = _named(spec)
    for model in spec.models:
        if model.provider is None:
            if len(named) != 1:
                yield section_errors.ambiguous_provider(model.id, "inference", sorted(named))
        elif model.provider.text == EVERY and EVERY not in named:
            yield section_errors.planned_everywhere(model.id, model.provider)
        elif model.provider.text not in named:
            yield model_errors.unknown_model_provider(model.id, model.provider, set(named))


EVERY = "all"
"""What OGX calls the provider of a model that whichever provider there is should serve."""


def _model(
    model: ResourceSpec, provider: Provider, source: ModelSource | None, head: DeclaredHead | None
) -> Model:
    fields = model.fields
    metadata = fields.get("metadata")
    return Model(
        id=fields.get("model_id"),
        provider=provider,
        provider_model_id=fields.get("provider_model_id") or fields.get("model_id"),
        type="classifier" if head else _model_type(fields.get("model_type"), source),
        metadata=metadata if isinstance(metadata, Object) else Object(()),
        source=source,
        quantization=str(fields.get("quantization") or "int8"),
        context_length=cast(int | None, fields.get("context_length")),
        slots=cast(int | None, fields.get("slots")),
        tool_choice=None,  # added when all models are known
        head=head,
        enabled_by=model.enabled_by,
        spec=model,
    )


def _model_type(written: Checked, source: ModelSource | None) -> ModelType | None:
    if written is None:
        return "llm" if source is None else None
    return cast(ModelType, written)


def _source(
    model: ResourceSpec, text: Checked, path: str, faults: list[Diagnostic]
) -> ModelSource | None:
    if not isinstance(text, str):
        return None
    try:
        return parse_source(text)
    except InvalidSourceError as error:
        faults.append(model_errors.bad_source(text, error.detail, model.span(path)))
        return None


def _head(model: ResourceSpec, faults: list[Diagnostic]) -> DeclaredHead | None:
    written = model.fields.get("head")
    if not isinstance(written, Object):
        return None
    declared = model.fields.get("model_type")
    if declared not in (None, "classifier"):
        place = model.span("model_type")
        faults.append(model_errors.head_of_another_type(model.id.text, str(declared), place))
    names, threshold = written.get("names"), cast(float | None, written.get("threshold"))
    about = HeadData(
        text=str(written.get("text")),
        label=str(written.get("label")),
        positive=str(written.get("positive")),
    )
    if threshold is not None:
        about = replace(about, threshold=float(threshold))
    if isinstance(names, Array):
        negative, positive = map(str, names.items)
        about = replace(about, names=(negative, positive))
    data = _source(model, written.get("data"), "head.data", faults)
    return DeclaredHead(data, about) if data else None


def _source_faults(model: ResourceSpec, provider: Provider) -> Iterator[Diagnostic]:
    compiled = bool(provider.type.compiled_models)
    if compiled and "source" not in model.fields:
        yield model_errors.model_without_source(model.id, provider.type.type)
    if compiled and isinstance(model.fields.get("model_id"), LateBound):
        yield errors.not_static("model_id", model.id.span)
    if not compiled:
        for key in COMPILED_ONLY:
            if key in model.fields:
                yield model_errors.source_without_engine(key, provider.type.type, model.span(key))


def _duplicate_models(models: tuple[Model, ...]) -> Iterator[Diagnostic]:
    first: dict[str, Name] = {}
    for model in models:
        identifier = f"{model.provider.id}/{model.spec.id.text}"
        if identifier in first:
            yield model_errors.duplicate_model(identifier, model.spec.id, first[identifier].span)
        first.setdefault(identifier, model.spec.id)


def _tool_choice(
    model: Model, beside: dict[str, Model], spec: Spec, faults: list[Diagnostic]
) -> ToolChoice | None:
    """The tool choice of a compiled model, its model looked up among those of the same provider."""
    written = model.spec.fields.get("tool_choice")
    if not isinstance(written, Object) or not model.provider.type.compiled_models:
        return None
    wanted = Name(str(written.get("model")), model.spec.span("tool_choice.model"))
    if wanted.text in beside:
        threshold: Any = written.get("threshold")
        return ToolChoice(beside[wanted.text], THRESHOLD if threshold is None else float(threshold))
    elsewhere = [each for each in spec.models if each.id.text == wanted.text]
    if elsewhere:
        other = elsewhere[0].provider or wanted
        fault = model_errors.model_of_another_provider(wanted, other, model.provider.id)
    else:
        fault = model_errors.unknown_model(wanted, model.provider.id, tuple(beside))
    faults.append(fault)
    return None
