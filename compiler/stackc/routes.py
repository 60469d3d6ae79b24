"""The routes of a stack: a literal, sorted by path, then method."""

from dataclasses import dataclass

from stackc.catalog import Api
from stackc.expressions import Constant, ListOf
from stackc.resolve import Stack


@dataclass(frozen=True)
class Route:
    """A route: `handler` is the bound method that answers it, as generated code says it."""

    path: str
    method: str
    handler: str
    provider_types: tuple[str, ...]

    @property
    def types(self) -> ListOf:
        """The provider types as an expression."""
        return ListOf(tuple(map(Constant, self.provider_types)))


def routes_of(stack: Stack, variables: dict[str, str]) -> tuple[Route, ...]:
    """Every route of the stack's APIs and their aliases; fixed paths come before open ones."""
    routes = [
        Route(
            path=path,
            method=declared.method,
            handler=f"{variables[api.name]}.{declared.call}",
            provider_types=_types(stack, api),
        )
        for api in stack.apis
        for declared in api.routes
        for path in (declared.path, *declared.aliases)
    ]
    return tuple(sorted(routes, key=lambda route: (_specificity(route.path), route.method)))


def _specificity(path: str) -> tuple[tuple[bool, str], ...]:
    """Sorts `/v1/models/x` before `/v1/models/{id}`, which would swallow it."""
    return tuple((part.startswith("{"), part) for part in path.split("/"))


def _types(stack: Stack, api: Api) -> tuple[str, ...]:
    """The provider types behind an API; the registry's APIs stand on those of inference."""
    behind = "inference" if "registry" in api.arguments else api.name
    return tuple(sorted({each.type.type for each in stack.providers if each.api == behind}))
