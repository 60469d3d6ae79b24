"""The parts of a plan that are compared: each by its name, with its fields as people read them."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from stackc.diagnostics.secrets import hidden, names_secret
from stackc.expressions import (
    Call,
    Child,
    Conditional,
    Constant,
    DictOf,
    Expression,
    Formatted,
    ListOf,
    Method,
    Reference,
    When,
    as_json,
    functions,
)
from stackc.late_binding import MASK
from stackc.models.sources.source import LockedFile
from stackc.plan import Plan, PlannedProvider
from stackc.planned_models import PlannedModel

Fields = dict[str, str]
"""What is said of one thing, by field."""

Parts = dict[str, Fields]
"""Things by their names."""


def server(plan: Plan) -> Parts:
    """Where the stack listens, and what it runs on."""
    gpu = "yes" if plan.docker_options else "no"
    told = {"host": plan.host.value, "port": plan.port.value}
    port = {"image's port": str(plan.exposed_port)}
    fields = {"name": plan.name, **{name: words(value) for name, value in told.items()}}
    return {"server": {**fields, **port, "python": plan.python, "needs a GPU": gpu}}


def apis(plan: Plan) -> Parts:
    """The APIs that are served."""
    return {endpoint.variable: {} for endpoint in plan.endpoints}


def routes(plan: Plan) -> Parts:
    """The routes with the APIs that answer them."""
    answering = ((route, route.handler.partition(".")[0]) for route in plan.routes)
    return {f"{route.method} {route.path}": {"answered by": api} for route, api in answering}


def providers(plan: Plan) -> Parts:
    """The providers with their configurations as they were written, secrets masked."""
    return {f"{each.api}/{each.id}": dict(_provider(each)) for each in plan.providers}


def _provider(provider: PlannedProvider) -> Iterator[tuple[str, str]]:
    yield "type", provider.type
    if provider.source:
        yield "from", provider.source
    yield "there", provider.enabled
    shown = provider.shown.items if isinstance(provider.shown, DictOf) else ()
    for name, value in shown:
        yield f"config.{name}", _shown(name, as_json(value))


def hidden_arguments(old: Plan, new: Plan) -> Parts:
    """The arguments of providers that hold other secrets than before, masked."""
    before = {(each.api, each.id): _secrets(each) for each in old.providers}
    found: Parts = {}
    for provider in new.providers:
        was, now = before.get((provider.api, provider.id), {}), _secrets(provider)
        other = (name for name in now if name in was and was[name] != now[name])
        found[f"{provider.api}/{provider.id}"] = {f"argument {name}": MASK for name in other}
    return found


def _secrets(provider: PlannedProvider) -> dict[str, Any]:
    """The arguments that hold secrets, to be compared and never shown."""
    arguments = _arguments(provider.value)
    return {name: as_json(each) for name, each in arguments.items() if _secret(each)}


def _secret(value: Expression) -> bool:
    return "SecretStr" in functions(value) or "get_secret_value" in str(as_json(value))


def hidden_defaults(old: Plan, new: Plan) -> Parts:
    """The variables with another secret default than before, masked."""
    before = {each.variable: each.default for each in old.settings if each.secret}
    both = (each for each in new.settings if each.secret and each.default is not None)
    other = (each for each in both if before.get(each.variable) not in (None, each.default))
    return {each.variable: {"default": MASK} for each in other}


def models(plan: Plan) -> Parts:
    """The models by the names that requests call them, with all that is decided about them."""
    found: Parts = {}
    for declared in _declared(plan):
        fields = _arguments(declared)
        made = _compiled(plan, fields["provider_id"], fields["provider_resource_id"])
        found[words(fields["identifier"])] = {
            "type": words(fields["model_type"]),
            "provider_model_id": words(fields["provider_resource_id"]),
            **dict(_metadata(fields["metadata"])),
            **({"enabled": words(fields["enabled"])} if "enabled" in fields else {}),
            **(dict(_decided(plan, made)) if made else {}),
        }
    return found


def _declared(plan: Plan) -> Iterator[Expression]:
    listed = _arguments(plan.registry)["models"] if plan.registry else ListOf(())
    yield from listed.items if isinstance(listed, ListOf) else ()


def _compiled(plan: Plan, provider: Expression, name: Expression) -> Expression | None:
    """The construction of a compiled model, which its provider is given."""
    for each in plan.providers:
        given = _arguments(each.value).get("models")
        if each.api == "inference" and Constant(each.id) == provider and isinstance(given, ListOf):
            return next((made for made in given.items if _arguments(made)["name"] == name), None)
    return None


def _decided(plan: Plan, made: Expression) -> Iterator[tuple[str, str]]:
    arguments = _arguments(made)
    path = arguments["path"]
    model = next(each for each in plan.models if Child(Reference("MODELS"), each.folder) == path)
    yield from _planned(model)
    if "tool_choice" in arguments:
        yield "tool_choice", words(arguments["tool_choice"])


def _planned(model: PlannedModel) -> Iterator[tuple[str, str]]:
    facts = model.as_json()
    for name in ("source", "architecture", "quantization", "context_length", "slots", "device"):
        if facts[name] is not None:
            yield name, str(facts[name])
    for name, value in (facts["loss"] or {}).items():
        yield f"loss.{name}", f"{value:g}"
    for name, value in (facts["head"] or {}).items():
        yield f"head.{name}", _compact(value)
    yield "files", _files(model.locked.files)


def _files(files: tuple[LockedFile, ...]) -> str:
    """How many files, how large, and what tells them from others."""
    size = sum(file.size for file in files) / 1e6
    digest = sha256("".join(sorted(file.sha256 for file in files)).encode()).hexdigest()
    return f"{len(files)} of {size:,.1f} MB, sha256 {digest[:12]}"


def _metadata(metadata: Expression) -> Iterator[tuple[str, str]]:
    decided = ("context_length", "quantization")  # told of compiled models with the rest
    for name, value in metadata.items if isinstance(metadata, DictOf) else ():
        if name not in decided:
            yield f"metadata.{name}", words(value)


def variables(plan: Plan) -> Parts:
    """The variables with what they must be; the default of a secret is masked."""
    found: Parts = {}
    for setting in plan.settings:
        fields = {"kind": f"secret {setting.kind}" if setting.secret else setting.kind}
        needed = " or ".join(setting.needed_with)
        where = f"where {needed} is set" if needed else "no"
        fields["required"] = "always" if setting.required else where
        if setting.default is not None:
            fields["default"] = MASK if setting.secret else _compact(setting.default)
        found[setting.variable] = fields
    return found


def packages(plan: Plan) -> Parts:
    """The packages with their versions; a package may have one for each platform."""
    found: Parts = {}
    for package in plan.lock.packages:
        fields = found.setdefault(package.name, {"version": ""})
        fields["version"] = ", ".join(filter(None, (fields["version"], package.version)))
    return found


def sizes(plan: Plan) -> Parts:
    """Memory and what is fetched, in megabytes."""
    memory = plan.memory
    files = {(file.sha256, file.size) for model in plan.models for file in model.locked.files}
    counted = {
        "memory at start": memory.start,
        "memory with all slots full and busy": memory.full,
        "memory of the GPU": memory.gpu,
        "files of models": sum(size for _, size in files),
    }
    return {name: {"size": f"{round(size / 1e6):,} MB"} for name, size in counted.items() if size}


def words(expression: Expression) -> str:
    """An expression as a reader of the distribution knows it: settings by their variables."""
    match expression:
        case Constant(value):
            return value if isinstance(value, str) else _compact(value)
        case Reference(name):
            return _variable(name)
        case Formatted(parts):
            return "".join(each if isinstance(each, str) else words(each) for each in parts)
        case Conditional(condition, then, otherwise):
            return f"{words(then)} where {words(condition)}, else {words(otherwise)}"
        case When(condition, item):
            return f"{words(item)} where {words(condition)}"
        case Child(_, name):
            return name
        case Call("SecretStr", _):
            return MASK
        case Call(_, arguments):
            return ", ".join(f"{key} {words(value)}".strip() for key, value in arguments)
        case Method(of, _):
            return words(of)
        case ListOf(items):
            return f"[{', '.join(map(words, items))}]"
        case DictOf(items):
            return f"{{{', '.join(f'{key}: {words(value)}' for key, value in items)}}}"


def _variable(name: str) -> str:
    """`settings.port is not None` as `PORT is set`."""
    field, _, test = name.removeprefix("settings.").partition(" ")
    variable = f"${{env.{field.partition('.')[0].upper()}}}"
    return f"{variable} is set" if test == "is not None" else variable


def _arguments(expression: Expression) -> dict[str, Expression]:
    if isinstance(expression, When):
        return {**_arguments(expression.item), "enabled": expression.condition}
    return dict(expression.arguments) if isinstance(expression, Call) else {}


def _shown(name: str, value: Any) -> str:
    """A value of a configuration; below its fields, the name of a key tells a secret."""
    return _compact(_masked(name, value))


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked(key, each) for key, each in value.get("dict", value).items()}
    if isinstance(value, list):
        return [_masked(name, each) for each in value]
    return hidden(value) if isinstance(value, str) and names_secret(name) else value


def _compact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
