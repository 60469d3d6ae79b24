"""Planning: everything that the output says is decided here, so that printing decides nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from stackc.catalog import Catalog, Symbol
from stackc.diagnostics.report import Diagnostic
from stackc.expressions import (
    Call,
    Child,
    Constant,
    DictOf,
    Expression,
    ListOf,
    Reference,
    When,
    as_json,
    functions,
)
from stackc.late_binding import Binding, shown
from stackc.lock import Lock, LockedModel
from stackc.memory import Memory, memory_of
from stackc.models.decoders.chat_template import SUPPORT
from stackc.names import aliases, folder, package, unique
from stackc.openapi import document
from stackc.planned_models import PlannedModel
from stackc.requirements import PYTHON
from stackc.routes import Route, provider_types, routes_of
from stackc.settings import Setting, setting_of
from stackc.source import Span
from stackc.stack import Model, Provider, Stack, ToolChoice
from stackc.values import Checked, LateBound, Object


@dataclass(frozen=True)
class Imports:
    """The import lines of `app.py`, sorted, in the groups that separate them."""

    standard: tuple[str, ...]
    library: tuple[str, ...]
    own: tuple[str, ...]


@dataclass(frozen=True)
class PlannedProvider:
    """A provider: how it is made, when it is there, what GET /v1/providers tells of it.

    `source` is where its type comes from, if from outside the catalog.
    """

    map: str
    id: str
    api: str
    type: str
    source: str | None
    condition: str | None
    enabled: str
    value: Expression
    shown: Expression


@dataclass(frozen=True)
class ProviderMap:
    """The providers of one API by their ids, as the API's registry takes them."""

    variable: str
    api: str
    protocol: str


@dataclass(frozen=True)
class Endpoint:
    """The object that answers the routes of an API."""

    variable: str
    value: Expression


@dataclass(frozen=True)
class Address:
    """The host or the port to listen on; `late` where only the settings tell it."""

    value: Expression
    late: bool


@dataclass(frozen=True)
class Plan:
    """The whole output, decided: imports, objects, arguments, routes, settings, packages, models.

    The stage exists so that a reader of `plan.json` knows what the stack is, and so that templates
    only loop. Nothing here depends on where or when it was made.
    """

    name: str
    package: str
    imports: Imports
    providers: tuple[PlannedProvider, ...]
    maps: tuple[ProviderMap, ...]
    registry: Expression | None
    endpoints: tuple[Endpoint, ...]
    routes: tuple[Route, ...]
    provider_types: dict[str, Expression]
    settings: tuple[Setting, ...]
    host: Address
    port: Address
    exposed_port: int
    python: str
    models: tuple[PlannedModel, ...]
    openapi: dict[str, Any]
    lock: Lock
    place: Span = field(compare=False)
    warnings: tuple[Diagnostic, ...] = field(compare=False)

    @property
    def docker_options(self) -> str:
        """What `docker run` needs beside the port, each option with a space behind it."""
        return "--gpus all " if any(model.device == "cuda" for model in self.models) else ""

    @property
    def memory(self) -> Memory:
        """How much memory the stack takes."""
        return memory_of(self.models)

    @property
    def summary(self) -> tuple[str, ...]:
        """What one should know of the stack before it runs, a line each."""
        return (*(model.summary for model in self.models), self.memory.summary)

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON, for people and tools that ask what the stack is made of."""
        return {
            "stack": self.name,
            "providers": [_provider_json(provider) for provider in self.providers],
            "models": as_json(self.registry) if self.registry else None,
            "compiled_models": [model.as_json() for model in self.models],
            "memory": self.memory.as_json(),
            "routes": [_route_json(route) for route in self.routes],
            "settings": [setting.as_json() for setting in self.settings],
            "server": {"host": as_json(self.host.value), "port": as_json(self.port.value)},
            "packages": [package.requirement for package in self.lock.packages],
        }


def plan(stack: Stack, lock: Lock, catalog: Catalog) -> Plan:
    """The plan of a stack and what it is pinned to; it cannot fail."""
    planner = _Planner(stack, lock)
    providers = tuple(map(planner.provider, stack.providers))
    endpoints = tuple(planner.endpoints())
    maps = tuple(planner.maps())
    registry = planner.registry()
    return Plan(
        name=stack.name,
        package=package(stack.name),
        imports=planner.imports(each.value for each in providers),
        providers=providers,
        maps=maps,
        registry=registry,
        endpoints=endpoints,
        routes=routes_of(stack, {api.name: planner.variables[api.name] for api in stack.apis}),
        provider_types=provider_types(stack),
        settings=planner.settings,
        host=planner.address(stack.server.get("host") or DEFAULT_HOST),
        port=planner.address(stack.server.get("port") or DEFAULT_PORT),
        exposed_port=_exposed(stack.server.get("port")),
        python=PYTHON,
        models=tuple(planner.models()),
        openapi=document(stack, catalog),
        lock=lock,
        place=Span.start_of(stack.spec.document.source),
        warnings=stack.warnings,
    )


DEFAULT_HOST = "0.0.0.0"
DEFAULT_PORT = 8321
DEFAULT_SLOTS = 8

_ALWAYS_IMPORTED = (
    ("stackrt.errors", "exception_handlers"),
    ("stackrt.lifecycle", "lifespan"),
    ("stackrt.version", "VERSION"),
    ("starlette.applications", "Starlette"),
    ("starlette.routing", "Route"),
)

_IMPORTED_WHERE_CALLED = (("pydantic", "SecretStr"), ("stackrt.settings", "needed"))

_LOCALS = frozenset(("settings", "registry"))

_IN_THE_TEMPLATE = (
    *("MODELS", "OPENAPI", "PROVIDERS", "Path", "ROUTES", "STACK", "Settings", "build"),
    *("EmbeddingToolChoice", "Model", "ModelRegistry", "chat_templates", "dict", "str"),
)
"""Names of `app.py` that are always there, or that the planner uses."""


class _Planner:
    """Names everything once, and collects the imports that the expressions turn out to need."""

    def __init__(self, stack: Stack, lock: Lock) -> None:
        self._stack = stack
        self._lock = lock
        self._imported: set[Symbol] = set()
        self.settings = tuple(map(setting_of, stack.variables))
        self.binding = Binding(self.settings)
        apis = [api.name for api in stack.apis]
        maps = frozenset(f"{api}_providers" for api in apis)
        self.variables = unique(apis, _LOCALS | maps, "api")
        self._aliases = aliases(_external(stack), self._taken(stack, maps))
        compiled = [model for model in stack.models if model.source]
        self._named = Counter(model.spec.id.text for model in compiled)
        self._compiled_by: dict[str, list[Model]] = {}
        for model in compiled:
            self._compiled_by.setdefault(model.provider.id, []).append(model)
        keys = [self._key(model) for model in compiled]
        self._folders = unique(keys, frozenset(), "model", folder)
        self._functions = unique(keys, frozenset(SUPPORT), "model")

    def _key(self, model: Model) -> str:
        """What tells a compiled model apart: its id, with the provider's where two have the same."""
        id_ = model.spec.id.text
        return id_ if self._named[id_] == 1 else f"{model.provider.id}-{id_}"

    def _taken(self, stack: Stack, maps: frozenset[str]) -> frozenset[str]:
        """The names in `app.py` that are not those of external classes."""
        ours = [name for _, name in (*_ALWAYS_IMPORTED, *_IMPORTED_WHERE_CALLED)]
        ours += [api.endpoint.name for api in stack.apis]
        ours += [api.protocol.name for api in stack.provided if api.protocol]
        types = [provider.type for provider in stack.providers]
        ours += [each.name for type_ in types if not type_.source for each in type_.symbols]
        return frozenset((*ours, *maps, *self.variables.values(), *_LOCALS, *_IN_THE_TEMPLATE))

    def provider(self, provider: Provider) -> PlannedProvider:
        enabled_by = provider.enabled_by
        arguments = (
            *self._model_arguments(provider),
            *self.binding.within(provider).arguments(provider),
        )
        return PlannedProvider(
            map=f"{provider.api}_providers",
            id=provider.id,
            api=provider.api,
            type=provider.type.type,
            source=provider.type.source,
            condition=f"settings.{enabled_by.lower()} is not None" if enabled_by else None,
            enabled=f"where {enabled_by} is set" if enabled_by else "always",
            value=Call(self._use(provider.type.constructor), arguments),
            shown=shown(provider),
        )

    def _model_arguments(self, provider: Provider) -> Iterator[tuple[str, Expression]]:
        models = self._compiled_by.get(provider.id, []) if provider.api == "inference" else []
        if models:
            yield "models", ListOf(tuple(map(self._compiled, models)))

    def _compiled(self, model: Model) -> Expression:
        kind = self._facts(model).model_type
        name = self._use(model.provider.type.compiled_models[kind])
        path = Child(Reference("MODELS"), self._folders[self._key(model)])
        arguments: list[tuple[str, Expression]] = [
            ("name", self.binding.expression(model.provider_model_id)),
            ("path", path),
        ]
        if kind == "llm":
            function = self._functions[self._key(model)]
            arguments.append(("render", Reference(f"chat_templates.{function}")))
            arguments.append(("slots", Constant(model.slots or DEFAULT_SLOTS)))
            if model.tool_choice:
                arguments.append(("tool_choice", self._tool_choice(model.tool_choice)))
        return Call(name, tuple(arguments))

    def _tool_choice(self, choice: ToolChoice) -> Expression:
        name = self._use(Symbol("stackrt.engine.tool_choice", "EmbeddingToolChoice"))
        chooser = self.binding.expression(choice.chooser.provider_model_id)
        return Call(name, (("model", chooser), ("threshold", Constant(choice.threshold))))

    def _facts(self, model: Model) -> LockedModel:
        return self._lock.model(model)

    def models(self) -> Iterator[PlannedModel]:
        for model in self._stack.models:
            if model.source:
                facts = self._facts(model)
                key = self._key(model)
                function = self._functions[key] if facts.model_type == "llm" else None
                yield PlannedModel(
                    folder=self._folders[key],
                    function=function,
                    locked=facts,
                    context_length=model.context_length,
                    slots=(model.slots or DEFAULT_SLOTS) if function else 0,
                    device=model.provider.device,
                    place=model.spec.span("source"),
                )

    def address(self, value: Checked) -> Address:
        return Address(self.binding.expression(value), isinstance(value, LateBound))

    def maps(self) -> Iterator[ProviderMap]:
        for api in self._stack.provided:
            if api.protocol:
                protocol = self._use(api.protocol)
                yield ProviderMap(f"{api.name}_providers", api.name, protocol)

    def registry(self) -> Expression | None:
        if not any("registry" in api.arguments for api in self._stack.apis):
            return None
        models = ListOf(tuple(map(self._listed, self._stack.models)))
        name = self._use(Symbol("stackrt.apis.models", "ModelRegistry"))
        return Call(name, (("models", models), ("providers", Reference("inference_providers"))))

    def _listed(self, model: Model) -> Expression:
        """A declared model in the list of all; some are only there where a variable is set."""
        variable, declared = model.enabled_by, self._declared(model)
        if variable is None or variable == model.provider.enabled_by:
            return declared
        return When(Reference(f"settings.{variable.lower()} is not None"), declared)

    def _declared(self, model: Model) -> Expression:
        provider = model.provider.id
        kind = self._facts(model).model_type if model.source else (model.type or "llm")
        return Call(
            self._use(Symbol("stackrt.apis.models", "Model")),
            (
                ("identifier", self.binding.text(f"{provider}/", model.id)),
                ("provider_id", Constant(provider)),
                ("provider_resource_id", self.binding.expression(model.provider_model_id)),
                ("model_type", Constant(kind)),
                ("metadata", self._metadata(model)),
            ),
        )

    def _metadata(self, model: Model) -> Expression:
        fields = dict(model.metadata.fields)
        if model.source:
            facts = self._facts(model)
            fields["context_length"] = model.context_length or facts.context_length
            fields["quantization"] = model.quantization
            if facts.embedding_dimension:
                fields["embedding_dimension"] = facts.embedding_dimension
        return self.binding.expression(Object(tuple(sorted(fields.items()))))

    def endpoints(self) -> Iterator[Endpoint]:
        given: dict[str, Expression] = {
            "registry": Reference("registry"),
            "infos": Reference("PROVIDERS"),
            "providers": DictOf(
                tuple((each.api, Reference(each.variable)) for each in self.maps())
            ),
            "routes": Reference("ROUTES"),
            "version": Reference("VERSION"),
            "openapi": Reference("OPENAPI"),
        }
        for api in self._stack.apis:
            arguments = tuple((name, given[name]) for name in api.arguments)
            call = Call(self._use(api.endpoint), arguments)
            yield Endpoint(self.variables[api.name], call)

    def imports(self, expressions: Iterable[Expression]) -> Imports:
        """What `app.py` imports: the same for every stack, and what its expressions use."""
        called = {name for each in expressions for name in functions(each)}
        for module, name in _IMPORTED_WHERE_CALLED:
            if name in called:
                self._use(Symbol(module, name))
        for module, name in _ALWAYS_IMPORTED:
            self._use(Symbol(module, name))
        name = package(self._stack.name)
        own = [
            f"from {name}.inventory import PROVIDERS, ROUTES",
            f"from {name}.settings import Settings",
        ]
        if any(model.function for model in self.models()):
            own.insert(0, f"from {name} import chat_templates")
        modules = sorted({symbol.module for symbol in self._imported})
        library = tuple(line for module in modules for line in self._import_lines(module))
        return Imports(("from pathlib import Path",), library, tuple(own))

    def _import_lines(self, module: str) -> Iterator[str]:
        """What is imported of a module; what has another name in `app.py` on a line of its own."""
        names = {each.name: self._aliases.get(each) for each in self._imported_from(module)}
        plain = [name for name, alias in names.items() if alias is None]
        if plain:
            yield f"from {module} import {', '.join(_isorted(plain))}"
        for name in _isorted(set(names) - set(plain)):
            yield f"from {module} import {name} as {names[name]}"

    def _imported_from(self, module: str) -> Iterator[Symbol]:
        return (symbol for symbol in self._imported if symbol.module == module)

    def _use(self, symbol: Symbol) -> str:
        self._imported.add(symbol)
        return self._aliases.get(symbol, symbol.name)


def _external(stack: Stack) -> list[Symbol]:
    """The classes of external providers that are not ours."""
    types = [provider.type for provider in stack.providers if provider.type.source]
    symbols = [symbol for type_ in types for symbol in type_.symbols]
    return [each for each in symbols if each.module.partition(".")[0] != "stackrt"]


def _exposed(port: Checked) -> int:
    """The port that the image declares: the one of the distribution, or its default."""
    if isinstance(port, LateBound):
        reference = port.only
        port = int(reference.operand) if reference and reference.operand else None
    return port if isinstance(port, int) else DEFAULT_PORT


def _isorted(names: Iterable[str]) -> list[str]:
    """Constants, then classes, then the rest, as import sorters have it."""
    return sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))


def _provider_json(provider: PlannedProvider) -> dict[str, Any]:
    return {
        "id": provider.id,
        "api": provider.api,
        "type": provider.type,
        **({"source": provider.source} if provider.source else {}),
        "enabled_by": provider.condition,
        "value": as_json(provider.value),
    }


def _route_json(route: Route) -> dict[str, Any]:
    return {"method": route.method, "path": route.path, "handler": route.handler}
