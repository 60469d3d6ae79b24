"""The catalog: what APIs and providers exist, read from `schemas/` as data, each file on first use.

A distribution may add provider types of its own (`external/`), which are in it as those of ours are.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from stackc import resources

JsonSchema = dict[str, Any]


@dataclass(frozen=True)
class Symbol:
    """A class of the runtime library, by where it is imported from."""

    module: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Symbol":
        """From the catalog's spelling, `package.module:Class`."""
        module, _, name = text.partition(":")
        return cls(module, name)


@dataclass(frozen=True)
class Route:
    """One route of an API: which method of the endpoint object answers it.

    Of a planned API there is no `call` and no `response` yet.
    """

    method: str
    path: str
    summary: str
    call: str = ""
    response: str = ""
    request: str | None = None
    stream: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Api:
    """An API: the endpoint class, what it is constructed from, and its routes.

    A planned one has no class yet: it can be named, and a stack that serves it cannot be built.
    `takes_providers`: whether providers stand behind it.
    """

    name: str
    summary: str
    endpoint: Symbol
    arguments: tuple[str, ...]
    routes: tuple[Route, ...]
    planned: bool
    takes_providers: bool
    protocol: Symbol | None = None
    always: bool = False
    implies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Packages:
    """Requirements, and the packages that are left out though others declare them."""

    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProviderType:
    """A provider type: its class, what it needs, and the JSON Schema of its configuration.

    `packages` are those of every configuration; `packages_by` those of a field's value. It does not
    start without the APIs that it `requires`, and uses the `optional` ones where they are there.
    A planned one has no class yet. `replaced_by` is the type that does what this one did. `source`
    is where an external one comes from, as the distribution says it.
    """

    type: str
    api: str
    summary: str
    constructor: Symbol
    config: JsonSchema
    planned: bool
    arguments: dict[str, str] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    replaced_by: str | None = None
    capabilities: dict[str, Any] = field(default_factory=dict)
    packages: Packages = Packages()
    packages_by: dict[str, dict[str, Packages]] = field(default_factory=dict)
    open_models: bool = False
    compiled_models: dict[str, Symbol] = field(default_factory=dict)
    source: str | None = None

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The classes that generated code imports for it."""
        return () if self.planned else (self.constructor, *self.compiled_models.values())

    def packages_of(self, config: Mapping[str, object]) -> Iterator[Packages]:
        """The packages of a configuration, where a field that is not there has its default."""
        yield self.packages
        for name, choices in self.packages_by.items():
            value = config.get(name, self.config["properties"][name]["default"])
            yield choices[str(value)]


class Catalog:
    """The files under one `schemas/` folder, and the external types of one distribution."""

    def __init__(self, root: Path | None = None, external: Iterable[ProviderType] = ()) -> None:
        self._root = root or resources.folder("schemas")
        self._apis: dict[str, Api] = {}
        self._types: dict[str, tuple[str, ...]] = {}
        self._external = {(each.api, each.type): each for each in external}
        self._providers: dict[tuple[str, str], ProviderType] = dict(self._external)

    def extended(self, external: Iterable[ProviderType]) -> "Catalog":
        """The catalog with external types, which are none of those that it has."""
        return Catalog(self._root, external)

    @cached_property
    def api_names(self) -> tuple[str, ...]:
        """Every API that a stack can serve, sorted."""
        return tuple(sorted(path.stem for path in (self._root / "apis").glob("*.yaml")))

    @cached_property
    def always(self) -> tuple[str, ...]:
        """The APIs that every stack serves, sorted."""
        return tuple(name for name in self.api_names if self.api(name).always)

    @cached_property
    def distribution_schema(self) -> JsonSchema:
        """The JSON Schema of a distribution."""
        return _read_json(self._root / "distribution.schema.json")

    @cached_property
    def provider_schema(self) -> JsonSchema:
        """The JSON Schema of a provider type's file."""
        return _read_json(self._root / "provider.schema.json")

    @cached_property
    def base_packages(self) -> tuple[str, ...]:
        """The requirements of every stack."""
        return tuple(_read_yaml(self._root / "runtime.yaml")["packages"])

    def components(self, api: str) -> dict[str, JsonSchema]:
        """The JSON Schemas that the routes of an API name."""
        return _read_json(self._root / "openapi" / f"{api}.json")

    def api(self, name: str) -> Api:
        """An API by a name of `api_names`."""
        if name not in self._apis:
            self._apis[name] = _api(_read_yaml(self._root / "apis" / f"{name}.yaml"))
        return self._apis[name]

    def provider_types(self, api: str) -> tuple[str, ...]:
        """Every provider type of an API, sorted."""
        if api not in self._types:
            files = (self._root / "providers" / api).glob("*.yaml")
            external = (type_ for of, type_ in self._external if of == api)
            names = {*(type_of(path.stem) for path in files), *external}
            self._types[api] = tuple(sorted(names))
        return self._types[api]

    def file_of(self, api: str, type_: str) -> Path:
        """Where a provider type of ours is written."""
        return self._root / "providers" / api / f"{type_.replace('::', '__')}.yaml"

    def types(self, api: str) -> tuple[ProviderType, ...]:
        """Every provider type of an API, in the order of `provider_types`."""
        found = (self.provider(api, type_) for type_ in self.provider_types(api))
        return tuple(provider for provider in found if provider)

    def built_types(self, api: str) -> tuple[str, ...]:
        """The provider types of an API that a stack can have today, sorted."""
        found = ((type_, self.provider(api, type_)) for type_ in self.provider_types(api))
        return tuple(type_ for type_, each in found if each and not each.planned)

    def provider(self, api: str, type_: str) -> ProviderType | None:
        """A provider type of an API, or None where there is none of that name."""
        if (api, type_) not in self._providers:
            if type_ not in self.provider_types(api):
                return None
            data = _read_yaml(self.file_of(api, type_))
            self._providers[api, type_] = provider_type(data, self.parts)
        return self._providers[api, type_]

    @cached_property
    def parts(self) -> "Parts":
        """What configurations are composed of."""
        shared = _read_yaml(self._root / "providers" / "shared.yaml")
        return Parts(shared, self.distribution_schema["$defs"])


def type_of(stem: str) -> str:
    """The provider type that a file of this name defines."""
    return stem.replace("__", "::")


UNBUILT = Symbol("", "")
"""In the place of the class of what is planned."""


@dataclass(frozen=True)
class Parts:
    """What configurations are composed of: fields that several types share, and references."""

    shared: dict[str, JsonSchema]
    definitions: dict[str, JsonSchema]

    def config(self, data: dict[str, Any]) -> JsonSchema:
        """The whole schema of a type's configuration; nothing in the file is an empty one."""
        written = data.get("config") or {"type": "object", "additionalProperties": False}
        properties = dict(written.get("properties", {}))
        for name in data.get("shared_config", ()):
            properties.update(self.shared[name])
        found = {key: self._field(properties[key]) for key in properties}
        refers = any("x-definition" in each for each in properties.values())
        return {**written, "properties": found, **({"$defs": self.definitions} if refers else {})}

    def _field(self, schema: JsonSchema) -> JsonSchema:
        """A field; `x-store` makes it a reference to a store, `x-definition` another known part."""
        if "properties" in schema:
            properties = {key: self._field(each) for key, each in schema["properties"].items()}
            return {**schema, "properties": properties}
        name = f"{schema['x-store']}_store" if "x-store" in schema else schema.get("x-definition")
        return {**self.definitions[name], **schema} if name else schema


def _api(data: dict[str, Any]) -> Api:
    protocol = data.get("protocol")
    planned = _planned(data)
    return Api(
        name=data["api"],
        summary=data["summary"],
        endpoint=UNBUILT if planned else Symbol.parse(data["class"]),
        arguments=tuple(data.get("arguments", ())),
        routes=tuple(_route(route) for route in data["routes"]),
        planned=planned,
        takes_providers=bool(protocol) or data.get("providers", False),
        protocol=Symbol.parse(protocol) if protocol else None,
        always=data.get("always", False),
        implies=tuple(data.get("implies", ())),
    )


def _planned(data: dict[str, Any]) -> bool:
    return bool(data.get("status") == "planned")


def _route(data: dict[str, Any]) -> Route:
    return Route(**{**data, "aliases": tuple(data.get("aliases", ()))})


def provider_type(data: dict[str, Any], parts: Parts, source: str | None = None) -> ProviderType:
    """The provider type that the data of a file is."""
    models = data.get("models", {})
    compiled = models.get("compiled", {})
    planned = _planned(data)
    return ProviderType(
        type=data["type"],
        api=data["api"],
        summary=data["summary"],
        constructor=UNBUILT if planned else Symbol.parse(data["class"]),
        config=parts.config(data),
        planned=planned,
        arguments=data.get("arguments", {}),
        requires=tuple(data.get("requires", ())),
        optional=tuple(data.get("optional", ())),
        replaced_by=data.get("replaced_by"),
        capabilities=data.get("capabilities", {}),
        packages=_packages(data),
        packages_by={
            name: {value: _packages(each) for value, each in choices.items()}
            for name, choices in data.get("packages_by", {}).items()
        },
        open_models=models.get("open", False),
        compiled_models={kind: Symbol.parse(name) for kind, name in compiled.items()},
        source=source,
    )


def _packages(data: dict[str, Any]) -> Packages:
    return Packages(tuple(data.get("packages", ())), tuple(data.get("excluded_packages", ())))


def _read_yaml(path: Path) -> dict[str, Any]:
    from yaml import CSafeLoader, load  # ten times as fast as ruamel.yaml, which a question feels

    data: dict[str, Any] = load(path.read_text(encoding="utf-8"), Loader=CSafeLoader)
    return data


def _read_json(path: Path) -> dict[str, Any]:
    import json

    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data
