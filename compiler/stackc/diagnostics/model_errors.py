"""The wording of what is wrong with models, one function each."""

from collections.abc import Iterable, Sequence

from stackc.diagnostics.errors import listed, renamed
from stackc.diagnostics.report import Diagnostic, Label
from stackc.diagnostics.suggest import nearest
from stackc.source import Span
from stackc.values import Name

_SOURCE_FORMS = (
    "the forms are `pypi:package==version#path`, `hf:org/name@revision#path` and `file:path`; "
    "`@revision` and the `#path` of `hf:` may be left out"
)


def duplicate_model(identifier: str, id_: Name, first: Span) -> Diagnostic:
    return Diagnostic(
        "duplicate-model",
        f"two models are called `{identifier}`",
        Label(id_.span, "again"),
        (Label(first, "first"),),
        help="give one of them another `model_id`, and its own name as `provider_model_id`",
    )


def unknown_model_provider(model: Name, provider: Name, known: Iterable[str]) -> Diagnostic:
    near = nearest(provider.text, known)
    return Diagnostic(
        "unknown-model-provider",
        f"the model `{model.text}` is bound to `{provider.text}`, which is no inference provider",
        Label(provider.span, f"did you mean `{near}`?" if near else ""),
        notes=(f"inference providers: {listed(sorted(known))}",),
        help=f"write `{near}`" if near else "name one of them",
        fix=renamed(provider, known),
    )


def model_without_source(model: Name, type_: str) -> Diagnostic:
    return Diagnostic(
        "model-without-source",
        f"the model `{model.text}` has no source, and `{type_}` compiles its models in",
        Label(model.span, "needs `source`"),
        help="add `source: file:PATH` or `source: pypi:PACKAGE==VERSION#PATH`",
    )


def source_without_engine(key: str, type_: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "unexpected-source",
        f"`{key}` is for models that are compiled in, and `{type_}` serves its own",
        Label(span),
        help=f"remove `{key}`, or bind the model to an inline provider",
    )


def key_of_language_models(key: str, model: str, model_type: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "unexpected-source",
        f"`{key}` is for language models, and `{model}` is of type `{model_type}`",
        Label(span),
        help=f"remove `{key}`",
    )


def unknown_model(model: Name, provider: str, known: Sequence[str]) -> Diagnostic:
    near = nearest(model.text, known)
    return Diagnostic(
        "unknown-model",
        f"`{model.text}` is no model of `{provider}`",
        Label(model.span, f"did you mean `{near}`?" if near else ""),
        notes=(f"models of `{provider}`: {listed(known)}",),
        help=f"write `{near}`" if near else "name one of them",
        fix=renamed(model, known),
    )


def model_of_another_provider(model: Name, its_provider: Name, provider: str) -> Diagnostic:
    return Diagnostic(
        "unknown-model",
        f"`{model.text}` is a model of `{its_provider.text}`, not of `{provider}`",
        Label(model.span, f"must be a model of `{provider}`"),
        (Label(its_provider.span, "its provider"),),
        help=f"name a model of `{provider}`, or bind `{model.text}` to it",
    )


def tool_choice_without_embedding(model: str, real: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "model-type-mismatch",
        f"`{model}` is to choose tools by embedding, and its weights are those of `{real}`",
        Label(span, f"the weights say `{real}`"),
        help="name an embedding model",
    )


def bad_source(text: str, problem: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "bad-source",
        f"`{text}` is not a source of a model: {problem}",
        Label(span),
        notes=(_SOURCE_FORMS,),
    )


def dimension_mismatch(model: str, declared: int, real: int, span: Span) -> Diagnostic:
    return Diagnostic(
        "embedding-dimension-mismatch",
        f"`{model}` makes vectors of {real} dimensions, not of {declared}",
        Label(span, f"the weights say {real}"),
        help=f"write `embedding_dimension: {real}`",
    )


def model_type_mismatch(model: str, declared: str, real: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "model-type-mismatch",
        f"`{model}` is declared as `{declared}`, and its weights are those of `{real}`",
        Label(span, f"the weights say `{real}`"),
        help=f"write `model_type: {real}`",
    )


def other_quantization(
    quantization: str, model: str, choices: Sequence[str], span: Span
) -> Diagnostic:
    return Diagnostic(
        "invalid-value",
        f"`{quantization}` is no quantization of {model}",
        Label(span, f"one of {listed(choices)}"),
    )


def head_of_another_type(model: str, declared: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "model-type-mismatch",
        f"`{model}` is declared as `{declared}`, and a model with a `head` is a `classifier`",
        Label(span),
        help="write `model_type: classifier`",
    )


def context_too_long(model: str, asked: int, trained: int, span: Span) -> Diagnostic:
    return Diagnostic(
        "context-too-long",
        f"`{model}` was trained with {trained:,} tokens of context, not with {asked:,}",
        Label(span),
        help=f"write `context_length: {trained}` or less",
    )


def unsupported_architecture(problem: str, span: Span) -> Diagnostic:
    return Diagnostic("unsupported-architecture", problem, Label(span))


def bad_model(problem: str, span: Span) -> Diagnostic:
    return Diagnostic("bad-model", problem, Label(span))
