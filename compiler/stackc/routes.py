"""The routes of a stack: a literal, sorted by path, then method."""

from collections.abc import Container
from dataclasses import dataclass

from stackc.catalog import Api
from stackc.expressions import Call, Constant, Expression, ListOf, Reference
from stackc.stack import Stack


@dataclass(frozen=True)
class Route:
    """A route: `handler` is the bound method that answers it, as generated code says it.

    `providers` names the API whose providers are behind it.
    """

    path: str
    method: str
    handler: str
    providers: str

    def info(self, known: Container[str]) -> Expression:
        """The `RouteInfo` of the route; `known` are the APIs that have providers."""
        types = Reference(self.providers.upper()) if self.providers in known else ListOf(())
        return Call(
            "RouteInfo",
            (
                ("route", Constant(self.path)),
                ("method", Constant(self.method)),
                ("provider_types", types),
            ),
        )


def routes_of(stack: Stack, variables: dict[str, str]) -> tuple[Route, ...]:
    """Every route of the stack's APIs and their aliases; fixed paths come before open ones."""
    routes = [
        Route(path, declared.method, f"{variables[api.name]}.{declared.call}", _behind(api))
        for api in stack.apis
        for declared in api.routes
        for path in (declared.path, *declared.aliases)
    ]
    return tuple(sorted(routes, key=lambda route: (_specificity(route.path), route.method)))


def provider_types(stack: Stack) -> dict[str, Expression]:
    """The types of each API's providers, sorted, by API."""
    types: dict[str, set[str]] = {}
    for provider in stack.providers:
        types.setdefault(provider.api, set()).add(provider.type.type)
    return {api: ListOf(tuple(map(Constant, sorted(types[api])))) for api in sorted(types)}


def _specificity(path: str) -> tuple[tuple[bool, str], ...]:
    """Sorts `/v1/models/x` before `/v1/models/{id}`, which would swallow it."""
    return tuple((part.startswith("{"), part) for part in path.split("/"))


def _behind(api: Api) -> str:
    """The API whose providers answer; those that use the registry stand on inference."""
    return "inference" if "registry" in api.arguments else api.name
