"""Why the parts that a distribution declares are there: APIs, routes, providers, models."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stackc.catalog import Catalog
from stackc.plan import Plan
from stackc.reasons.reason import Answer, Reason
from stackc.source import Span
from stackc.stack import Model, Provider, Stack


@dataclass(frozen=True)
class Known:
    """A distribution that compiles, as far as questions about it go."""

    stack: Stack
    plan: Plan
    catalog: Catalog


def provider_words(provider: Provider) -> str:
    """A provider as it is told of everywhere: by its type, then its id."""
    return f"{provider.type.type} (provider `{provider.id}`)"


def declared(provider: Provider, stack: Stack) -> Span:
    """Where a provider is declared."""
    return next(each.id.span for each in stack.spec.providers if each.type is provider.span)


def api_names(known: Known) -> tuple[str, ...]:
    """The APIs that are served or have providers, sorted."""
    stack = known.stack
    return tuple(sorted({api.name for api in (*stack.apis, *stack.provided)}))


def api_answers(word: str, known: Known) -> Iterator[Answer]:
    """Why an API is served, or has providers."""
    if word in api_names(known):
        served = any(api.name == word for api in known.stack.apis)
        told = "is served" if served else "has providers, and is not served"
        reasons = tuple(api_reasons(word, known))
        yield Answer("API", word, f"the API `{word}` {told}", reasons)


def api_reasons(name: str, known: Known) -> Iterator[Reason]:
    """What asks for an API: the user, another API, a provider, every stack."""
    asked = tuple(_asked(known.stack))
    yield from (reason for api, reason in asked if api == name)
    for other in dict.fromkeys(api for api, _ in asked):
        if name != other and name in known.catalog.api(other).implies:
            because = tuple(reason for api, reason in asked if api == other)
            yield Reason(f"the API `{other}` implies it", because=because)
    for provider in known.stack.providers:
        if name in provider.type.requires:
            place = declared(provider, known.stack)
            yield Reason(f"{provider_words(provider)} requires it", place)
    if name in known.catalog.always:
        yield Reason("every stack serves it")


def _asked(stack: Stack) -> Iterator[tuple[str, Reason]]:
    """The APIs that the user asked for: by name, or, without `apis`, by giving them providers."""
    for name in stack.spec.apis or ():
        yield name.text, Reason("`apis` names it", name.span)
    if stack.spec.apis is None:
        for provider in stack.spec.providers:
            text = f"the provider `{provider.id.text}` is declared under it"
            yield provider.api.text, Reason(text, provider.id.span)


def route_names(known: Known) -> tuple[str, ...]:
    """The routes as they are asked for: with the method, and without."""
    routes = known.plan.routes
    paths = (each for route in routes for each in (route.path, f"{route.method} {route.path}"))
    return tuple(dict.fromkeys(paths))


def route_answers(word: str, known: Known) -> Iterator[Answer]:
    """Why a route, or each route of a path, is there."""
    for api in known.stack.apis:
        for route in api.routes:
            for path in (route.path, *route.aliases):
                name = f"{route.method} {path}"
                if _folded(word) in (_folded(path), _folded(name)):
                    own = f"the API `{api.name}` has it"
                    if path != route.path:
                        own += f", as another path of {route.method} {route.path}"
                    reason = Reason(own, because=tuple(api_reasons(api.name, known)))
                    yield Answer("route", name, f"{name} is in the stack", (reason,))


def _folded(route: str) -> str:
    """A route without the case of its method and what its parameters take."""
    method, _, path = route.rpartition(" ")
    return f"{method.upper().strip()} {re.sub(r':[a-z]+}', '}', path)}".strip()


def provider_names(known: Known) -> tuple[str, ...]:
    """What providers can be asked for by."""
    found = (name for each in known.stack.providers for name in _names_of(each))
    return tuple(dict.fromkeys(found))


def _names_of(provider: Provider) -> tuple[str, ...]:
    return provider.id, f"{provider.api}/{provider.id}", provider.type.type


def provider_answers(word: str, known: Known) -> Iterator[Answer]:
    """Why a provider is there, and what uses it."""
    for provider in known.stack.providers:
        if word in _names_of(provider):
            where = f" where {provider.enabled_by} is set" if provider.enabled_by else ""
            name = f"{provider.api}/{provider.id}"
            told = f"the provider {name} ({provider.type.type}) is in the stack{where}"
            yield Answer("provider", name, told, tuple(_provider_reasons(provider, known)))


def _provider_reasons(provider: Provider, known: Known) -> Iterator[Reason]:
    yield Reason("`providers` declares it", declared(provider, known.stack))
    because = tuple(api_reasons(provider.api, known))
    yield Reason(f"the API `{provider.api}` stands on it", because=because)
    for model in known.stack.models:
        if model.provider is provider:
            yield Reason(f"the model `{model.spec.id.text}` is bound to it", model.spec.id.span)


def model_names(known: Known) -> tuple[str, ...]:
    """What models can be asked for by."""
    found = (name for each in known.stack.models for name in _names_of_model(each))
    return tuple(dict.fromkeys(found))


def _names_of_model(model: Model) -> tuple[str, ...]:
    id_ = model.spec.id.text
    other = (model.provider_model_id,) if isinstance(model.provider_model_id, str) else ()
    return id_, f"{model.provider.id}/{id_}", *other


def model_answers(word: str, known: Known) -> Iterator[Answer]:
    """Why a model is there, and which other one uses it."""
    for model in known.stack.models:
        if word in _names_of_model(model):
            name = f"{model.provider.id}/{model.spec.id.text}"
            told = f"the model {name} ({_about(model, known)}) is in the stack"
            yield Answer("model", name, told, tuple(_model_reasons(model, known)))


def _about(model: Model, known: Known) -> str:
    if model.source is None:
        return model.type or "llm"
    facts = known.plan.lock.model(model)
    return f"{facts.model_type}, {facts.quantization}, from {facts.source}"


def _model_reasons(model: Model, known: Known) -> Iterator[Reason]:
    yield Reason("`registered_resources.models` declares it", model.spec.id.span)
    for other in known.stack.models:
        if other.tool_choice and other.tool_choice.chooser.spec is model.spec:
            place = other.spec.span("tool_choice.model")
            yield Reason(f"the model `{other.spec.id.text}` has it choose its tools", place)
