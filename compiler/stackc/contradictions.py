"""Where a declaration is not what the weights are, which only a lock tells."""

from collections.abc import Iterator

from stackc.diagnostics import model_errors
from stackc.diagnostics.report import Diagnostic
from stackc.lock import Lock, LockedModel
from stackc.models.facts import ENCODER_QUANTIZATIONS, QUANTIZATIONS
from stackc.stack import Model, Stack


def contradictions(stack: Stack, lock: Lock) -> Iterator[Diagnostic]:
    """Every key of a model that its weights contradict."""
    for model in stack.models:
        if model.source:
            yield from _contradictions(model, lock)


def _contradictions(model: Model, lock: Lock) -> Iterator[Diagnostic]:
    facts, spec = lock.model(model), model.spec
    if model.type not in (None, facts.model_type):
        place = spec.span("model_type")
        yield model_errors.model_type_mismatch(
            spec.id.text, str(model.type), facts.model_type, place
        )
    declared = model.metadata.get("embedding_dimension")
    real = facts.embedding_dimension
    if isinstance(declared, int) and real is not None and declared != real:
        place = spec.span("metadata.embedding_dimension")
        yield model_errors.dimension_mismatch(spec.id.text, declared, real, place)
    choices = _quantizations(model, facts)
    if model.quantization not in choices:
        what = f"a model of type `{facts.model_type}` on {model.provider.device}"
        place = spec.span("quantization")
        yield model_errors.other_quantization(model.quantization, what, choices, place)
    if facts.model_type == "llm":
        yield from _language_contradictions(model, facts, lock)
        return
    for key in ("context_length", "slots", "tool_choice"):
        if key in spec.fields:
            place = spec.span(key)
            yield model_errors.key_of_language_models(key, spec.id.text, facts.model_type, place)


def _quantizations(model: Model, facts: LockedModel) -> tuple[str, ...]:
    """The number formats that a model can have where it runs."""
    if facts.model_type != "llm":
        return ENCODER_QUANTIZATIONS
    on_gpu = model.provider.device == "cuda"  # which computes in float16
    return tuple(each for each in QUANTIZATIONS if not (on_gpu and each == "fp32"))


def _language_contradictions(model: Model, facts: LockedModel, lock: Lock) -> Iterator[Diagnostic]:
    spec, asked = model.spec, model.context_length
    if asked is not None and asked > facts.context_length:
        place = spec.span("context_length")
        yield model_errors.context_too_long(spec.id.text, asked, facts.context_length, place)
    chooser = model.tool_choice.chooser if model.tool_choice else None
    if chooser is not None and chooser.source is not None:
        found = lock.model(chooser).model_type
        if found != "embedding":
            place = spec.span("tool_choice.model")
            yield model_errors.tool_choice_without_embedding(chooser.spec.id.text, found, place)
