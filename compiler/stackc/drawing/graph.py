"""A stack as nodes in layers and edges between them: the data of every drawing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from stackc.memory import ModelMemory, amount
from stackc.plan import DEFAULT_HOST, DEFAULT_PORT, Plan
from stackc.settings import Setting
from stackc.stack import Model, Provider, Stack
from stackc.values import Checked, LateBound, late_bound

NodeKind = Literal["variable", "provider", "server", "model", "API", "route"]
EdgeKind = Literal["enables", "configures", "needs", "serves", "implies", "answers"]

EDGE_KINDS: tuple[EdgeKind, ...] = (
    "enables",
    "configures",
    "needs",
    "serves",
    "implies",
    "answers",
)

LAYERS: tuple[tuple[str, tuple[NodeKind, ...]], ...] = (
    ("variables", ("variable",)),
    ("providers", ("provider", "server")),
    ("models and APIs", ("model", "API")),
    ("routes", ("route",)),
)
"""The layers from left to right: their titles, and the kinds of nodes in them."""


@dataclass(frozen=True)
class Node:
    """A part of the stack; `conditional`: it is not there wherever the stack starts."""

    id: str
    kind: NodeKind
    label: str
    details: tuple[str, ...] = ()
    conditional: bool = False


@dataclass(frozen=True)
class Edge:
    """That one node does something to another: `OPENAI_API_KEY` enables `openai`."""

    start: str
    end: str
    kind: EdgeKind


@dataclass(frozen=True)
class Graph:
    """A drawing before it has a form; the nodes stand in the order of the plan."""

    name: str
    notes: tuple[str, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def layer(self, number: int) -> tuple[Node, ...]:
        """The nodes of one of the LAYERS."""
        return tuple(node for node in self.nodes if node.kind in LAYERS[number][1])


def graph_of(stack: Stack, plan: Plan) -> Graph:
    """The graph of a stack; edges that say the same stand once."""
    counted = {"route": plan.routes, "provider": plan.providers, "package": plan.lock.packages}
    counts = (f"{len(each)} {noun}{'s' * (len(each) != 1)}" for noun, each in counted.items())
    return Graph(
        name=stack.name,
        notes=(", ".join(counts), plan.memory.summary),
        nodes=tuple(_nodes(stack, plan)),
        edges=tuple(dict.fromkeys(_edges(stack))),
    )


def _nodes(stack: Stack, plan: Plan) -> Iterator[Node]:
    yield from map(_variable, plan.settings)
    yield from map(_provider, stack.providers)
    yield Node("server", "server", "server", (_address(stack),))
    memory = {each.folder: each for each in plan.memory.models}
    compiled = iter(plan.models)  # in the order of the stack's models that have a source
    for model in stack.models:
        folder = next(compiled).folder if model.source else ""
        yield _model(model, plan, memory.get(folder))
    for api in dict.fromkeys((*stack.apis, *stack.provided)):
        served = () if api in stack.apis else ("not served",)
        yield Node(f"API {api.name}", "API", api.name, served)
    for api in stack.apis:
        for route in api.routes:
            name = f"{route.method} {route.path}"
            yield Node(f"route {name}", "route", name, route.aliases)


def _variable(setting: Setting) -> Node:
    details = ["secret"] if setting.secret else []
    details += ["required"] if setting.required else []
    details += [f"needed with {' or '.join(setting.needed_with)}"] if setting.needed_with else []
    details += [f"default {setting.example}"] if setting.example else []
    told = (", ".join(details),) if details else ()
    return Node(f"variable {setting.variable}", "variable", setting.variable, told)


def _provider(provider: Provider) -> Node:
    device = ("on cuda",) if provider.device == "cuda" else ()
    where = (f"where {provider.enabled_by} is set",) if provider.enabled_by else ()
    details = (provider.type.type, *device, *where)
    return Node(_id(provider), "provider", provider.id, details, bool(provider.enabled_by))


def _model(model: Model, plan: Plan, memory: ModelMemory | None) -> Node:
    conditional = bool(model.provider.enabled_by)
    if memory is None:
        details: tuple[str, ...] = (model.type or "llm",)
        return Node(_model_id(model), "model", model.spec.id.text, details, conditional)
    facts = plan.lock.model(model)
    details = (f"{facts.model_type}, {facts.quantization}", _memory(memory))
    return Node(_model_id(model), "model", model.spec.id.text, details, conditional)


def _memory(memory: ModelMemory) -> str:
    grown = memory.cache + memory.work
    more = f", {amount(grown)} more when busy" if grown else ""
    return f"about {amount(memory.weights + memory.tokenizer)}{more}"


def _address(stack: Stack) -> str:
    host, port = stack.server.get("host"), stack.server.get("port")
    return f"{_text(host or DEFAULT_HOST)}:{_text(port or DEFAULT_PORT)}"


def _text(value: Checked) -> str:
    return str(value.text if isinstance(value, LateBound) else value)


def _edges(stack: Stack) -> Iterator[Edge]:
    for provider in stack.providers:
        yield from _provider_edges(provider, stack)
    yield from _configures(stack.server, "server")
    for model in stack.models:
        yield from _configures(model.spec.fields, _model_id(model))
        yield Edge(_id(model.provider), _model_id(model), "serves")
        if model.tool_choice:
            yield Edge(_model_id(model), _model_id(model.tool_choice.chooser), "needs")
    for api in stack.apis:
        for other in stack.apis:
            if other.name in api.implies and not _implied(api.name, stack):
                yield Edge(f"API {api.name}", f"API {other.name}", "implies")
        for route in api.routes:
            yield Edge(f"API {api.name}", f"route {route.method} {route.path}", "answers")


def _provider_edges(provider: Provider, stack: Stack) -> Iterator[Edge]:
    if provider.enabled_by:
        yield Edge(f"variable {provider.enabled_by}", _id(provider), "enables")
    yield from _configures(provider.config, _id(provider))
    provided = {api.name for api in stack.provided}
    for name in (*provider.type.requires, *provider.type.optional):
        if name in provided:
            yield Edge(_id(provider), f"API {name}", "needs")
    yield Edge(_id(provider), f"API {provider.api}", "serves")


def _configures(value: Checked, node: str) -> Iterator[Edge]:
    for each in late_bound(value):
        for reference in each.text.references:
            yield Edge(f"variable {reference.name}", node, "configures")


def _implied(name: str, stack: Stack) -> bool:
    """Whether an API is there only because another one implies it."""
    asked = {each.text for each in stack.spec.apis} if stack.spec.apis is not None else None
    return name not in (asked if asked is not None else {api.name for api in stack.provided})


def _id(provider: Provider) -> str:
    return f"provider {provider.api}/{provider.id}"


def _model_id(model: Model) -> str:
    return f"model {model.provider.id}/{model.spec.id.text}"
