"""The catalog: what APIs and providers exist, read from `schemas/` as data, each file on first use."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

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
    """One route of an API: which method of the endpoint object answers it."""

    method: str
    path: str
    call: str
    summary: str
    response: str
    request: str | None = None
    stream: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Api:
    """An API: the endpoint class, what it is constructed from, and its routes."""

    name: str
    summary: str
    endpoint: Symbol
    arguments: tuple[str, ...]
    routes: tuple[Route, ...]
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

    `packages` are those of every configuration; `packages_by` those of a field's value.
    """

    type: str
    api: str
    summary: str
    constructor: Symbol
    config: JsonSchema
    arguments: dict[str, str] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    packages: Packages = Packages()
    packages_by: dict[str, dict[str, Packages]] = field(default_factory=dict)
    open_models: bool = False
    compiled_models: dict[str, Symbol] = field(default_factory=dict)

    def packages_of(self, config: Mapping[str, object]) -> Iterator[Packages]:
        """The packages of a configuration, where a field that is not there has its default."""
        yield self.packages
        for name, choices in self.packages_by.items():
            value = config.get(name, self.config["properties"][name]["default"])
            yield choices[str(value)]


class Catalog:
    """The files under one `schemas/` folder."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or resources.folder("schemas")
        self._apis: dict[str, Api] = {}
        self._providers: dict[tuple[str, str], ProviderType] = {}

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
        files = (self._root / "providers" / api).glob("*.yaml")
        return tuple(sorted(path.stem.replace("__", "::") for path in files))

    def provider(self, api: str, type_: str) -> ProviderType | None:
        """A provider type of an API, or None where there is none of that name."""
        if (api, type_) not in self._providers:
            if type_ not in self.provider_types(api):
                return None
            path = self._root / "providers" / api / f"{type_.replace('::', '__')}.yaml"
            self._providers[api, type_] = _provider(_read_yaml(path))
        return self._providers[api, type_]


def _api(data: dict[str, Any]) -> Api:
    protocol = data.get("protocol")
    return Api(
        name=data["api"],
        summary=data["summary"],
        endpoint=Symbol.parse(data["class"]),
        arguments=tuple(data["arguments"]),
        routes=tuple(_route(route) for route in data["routes"]),
        protocol=Symbol.parse(protocol) if protocol else None,
        always=data.get("always", False),
        implies=tuple(data.get("implies", ())),
    )


def _route(data: dict[str, Any]) -> Route:
    return Route(**{**data, "aliases": tuple(data.get("aliases", ()))})


def _provider(data: dict[str, Any]) -> ProviderType:
    models = data.get("models", {})
    compiled = models.get("compiled", {})
    return ProviderType(
        type=data["type"],
        api=data["api"],
        summary=data["summary"],
        constructor=Symbol.parse(data["class"]),
        config=data["config"],
        arguments=data.get("arguments", {}),
        requires=tuple(data.get("requires", ())),
        packages=_packages(data),
        packages_by={
            name: {value: _packages(each) for value, each in choices.items()}
            for name, choices in data.get("packages_by", {}).items()
        },
        open_models=models.get("open", False),
        compiled_models={kind: Symbol.parse(name) for kind, name in compiled.items()},
    )


def _packages(data: dict[str, Any]) -> Packages:
    return Packages(tuple(data.get("packages", ())), tuple(data.get("excluded_packages", ())))


def _read_yaml(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return data


def _read_json(path: Path) -> dict[str, Any]:
    import json

    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data
