"""The catalog is true: every entry is well-formed, and the runtime library is as it says."""

import inspect
import json
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter
from ruamel.yaml import YAML
from stackc import resources
from stackc.catalog import UNBUILT, Api, Catalog, JsonSchema, Packages, ProviderType, Symbol
from stackc.environment import parse
from stackc.external.configs import KEYWORDS, config_faults
from stackc.load import read_plain
from stackc.shake import reach
from stackc.shape import fits
from stackc.source import Source
from stackc.tree import Mapping, plain
from stacks import distribution_name

CATALOG = Catalog()
APIS = [CATALOG.api(name) for name in CATALOG.api_names]
BUILT_APIS = [api for api in APIS if not api.planned]
PROVIDER_FILES = sorted((resources.folder("schemas") / "providers").glob("*/*.yaml"))
PROVIDERS = [
    provider
    for api in sorted({path.parent.name for path in PROVIDER_FILES})
    for type_ in CATALOG.provider_types(api)
    if (provider := CATALOG.provider(api, type_))
]
BUILT = [provider for provider in PROVIDERS if not provider.planned]
PLANNED = [provider for provider in PROVIDERS if provider.planned]

PACKAGE_OF = {"pydantic_core": "pydantic"}
"""Distributions of top-level modules that are called otherwise."""

SAME_MODULE = {"onnxruntime-gpu": "onnxruntime"}
"""Distributions that another one can stand for."""


def load(symbol: Symbol) -> Any:
    return getattr(import_module(symbol.module), symbol.name)


def name_of(value: ProviderType | Path) -> str:
    return value.stem if isinstance(value, Path) else f"{value.api} {value.type}"


def fields(schema: JsonSchema) -> Iterator[tuple[str, JsonSchema]]:
    """Every property of a configuration, also inside others; not what a reference consists of."""
    for name, field in schema.get("properties", {}).items():
        yield name, field
        if not {"x-store", "x-definition"} & set(field):
            yield from fields(field)


def fields_of(provider: ProviderType) -> list[tuple[str, JsonSchema]]:
    return list(fields(provider.config))


def as_read(value: Any) -> Any:
    """A value of YAML as the compiler reads it, with environment expressions in it."""
    if isinstance(value, dict):
        return {key: as_read(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_read(each) for each in value]
    if not isinstance(value, str):
        return value
    text, malformed = parse(value)
    assert not malformed
    return text


@pytest.mark.parametrize("path", PROVIDER_FILES, ids=name_of)
def test_file_is_where_it_says(path: Path) -> None:
    data = YAML(typ="safe", pure=True).load(path.read_text())
    Draft202012Validator(CATALOG.provider_schema).validate(data)
    assert data["api"] == path.parent.name
    assert data["type"] == path.stem.replace("__", "::")
    assert data["summary"].endswith(".")
    assert data.get("status", "planned") == "planned"


@pytest.mark.parametrize("provider", PROVIDERS, ids=name_of)
def test_config_schema_is_one(provider: ProviderType) -> None:
    Draft202012Validator.check_schema(provider.config)
    assert provider.config["additionalProperties"] is False
    assert set(provider.config.get("required", ())) <= set(provider.config.get("properties", ()))


@pytest.mark.parametrize("path", PROVIDER_FILES, ids=name_of)
def test_ours_pass_as_external_ones_do(path: Path) -> None:
    root = read_plain(Source(path, path.read_text()))
    assert isinstance(root, Mapping)
    assert not list(config_faults(root, plain(root), CATALOG.parts))


@pytest.mark.parametrize("provider", PROVIDERS, ids=name_of)
def test_every_field_is_described(provider: ProviderType) -> None:
    for name, field in fields_of(provider):
        assert field["description"].endswith("."), name
        if "x-definition" not in field:
            assert set(field) <= set(KEYWORDS), name


@pytest.mark.parametrize("provider", PROVIDERS, ids=name_of)
def test_defaults_and_samples_fit(provider: ProviderType) -> None:
    for name, field in fields_of(provider):
        assert "default" not in field or fits(field["default"], field), name
        assert "x-sample" not in field or fits(as_read(field["x-sample"]), field), name


@pytest.mark.parametrize("provider", PROVIDERS, ids=name_of)
def test_a_name_is_of_one_field(provider: ProviderType) -> None:
    properties = provider.config.get("properties", {})
    names = [*properties]
    for field in properties.values():
        names += field.get("x-aliases", ())
    assert len(names) == len(set(names))


@pytest.mark.parametrize("provider", PLANNED, ids=name_of)
def test_planned_is_not_there(provider: ProviderType) -> None:
    file = provider.type.replace("::", "__")
    path = resources.folder("schemas") / "providers" / provider.api / f"{file}.yaml"
    data = YAML(typ="safe", pure=True).load(path.read_text())
    assert not {"class", "arguments", "packages", "packages_by", "excluded_packages"} & set(data)
    assert provider.constructor == UNBUILT
    assert provider.packages == Packages()
    name = provider.type.partition("::")[2].replace("::", "_").replace("-", "_")
    code = resources.runtime() / "providers" / provider.api
    assert not (code / f"{name}.py").exists()
    assert not (code / name).exists()


@pytest.mark.parametrize("provider", BUILT, ids=name_of)
def test_built_is_there(provider: ProviderType) -> None:
    assert inspect.isclass(load(provider.constructor))


@pytest.mark.parametrize("provider", BUILT, ids=name_of)
def test_signature_is_the_schema(provider: ProviderType) -> None:
    """Each field goes to a parameter of its name or into an argument; defaults are the same."""
    parameters = inspect.signature(load(provider.constructor)).parameters
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in parameters.values())
    patterns = "".join(provider.arguments.values())
    for name, field in provider.config["properties"].items():
        if f"{{{name}}}" in patterns:
            continue
        if "x-planned" in field:
            assert name not in parameters, name
            continue
        default = parameters[name].default
        wanted = field.get("default", inspect.Parameter.empty)
        if "null" in field["type"]:
            wanted = None
        assert default == wanted, name
    given = set(provider.config["properties"]) | set(provider.arguments) | {"models"}
    shared = {"base_url", "api_key", "max_tokens", "tls_verify"}  # one class, several types
    assert set(parameters) - given <= shared
    assert set(provider.arguments) <= set(parameters)


def configurations(provider: ProviderType) -> list[dict[str, object]]:
    """A configuration for every choice of the fields that packages depend on."""
    choices = provider.packages_by.values()
    return [dict(zip(provider.packages_by, each, strict=True)) for each in product(*choices)]


CONFIGURED = [(provider, config) for provider in BUILT for config in configurations(provider)]


@pytest.mark.parametrize(("provider", "config"), CONFIGURED)
def test_packages_are_the_imports(provider: ProviderType, config: dict[str, object]) -> None:
    modules = {provider.constructor.module}
    modules |= {symbol.module for symbol in provider.compiled_models.values()}
    found = reach(_importing(modules), resources.runtime())
    outside = found.external - set(sys.stdlib_module_names)
    reached = {distribution_name(PACKAGE_OF.get(name, name)) for name in outside}
    base = {distribution_name(each) for each in CATALOG.base_packages}
    packages = list(provider.packages_of(config))
    required = {distribution_name(name) for each in packages for name in each.required}
    assert reached - base == {SAME_MODULE.get(name, name) for name in required}
    assert not required & {name for each in packages for name in each.excluded}


@pytest.mark.parametrize("provider", BUILT, ids=name_of)
def test_every_choice_of_packages_is_a_value_of_its_field(provider: ProviderType) -> None:
    for name, choices in provider.packages_by.items():
        field = provider.config["properties"][name]
        assert field["x-static"] is True
        assert set(choices) == set(field["enum"])
        assert field["default"] in choices


@pytest.mark.parametrize("api", APIS, ids=lambda each: each.name)
def test_an_api_is_built_or_planned(api: Api) -> None:
    """A status cannot lie: what is planned has no module, and what stands behind an API exists."""
    module = resources.runtime() / "apis" / f"{api.name}.py"
    assert module.is_file() != api.planned
    assert {*api.implies} <= {*CATALOG.api_names}
    if not api.takes_providers:
        assert not CATALOG.provider_types(api.name)


@pytest.mark.parametrize("provider", PROVIDERS, ids=name_of)
def test_what_a_provider_needs_is_an_api(provider: ProviderType) -> None:
    assert {*provider.requires, *provider.optional} <= {*CATALOG.api_names}
    if provider.replaced_by:
        assert provider.replaced_by in CATALOG.provider_types(provider.api)


@pytest.mark.parametrize("api", BUILT_APIS, ids=lambda each: each.name)
def test_endpoint_has_every_method(api: Api) -> None:
    endpoint = load(api.endpoint)
    for route in api.routes:
        assert inspect.iscoroutinefunction(getattr(endpoint, route.call)), route.call
    assert tuple(inspect.signature(endpoint).parameters) == api.arguments


@pytest.mark.parametrize("api", BUILT_APIS, ids=lambda each: each.name)
def test_components_of_the_routes_exist(api: Api) -> None:
    components = CATALOG.components(api.name)
    for route in api.routes:
        for name in filter(None, (route.request, route.response, route.stream)):
            assert name in components
    for schema in components.values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("route", [r for api in BUILT_APIS for r in api.routes if r.request])
def test_request_bodies_are_the_components(route: Any) -> None:
    """What the runtime validates and what the OpenAPI document says are the same fields."""
    api = next(api for api in BUILT_APIS if route in api.routes)
    body = load(Symbol(api.endpoint.module, route.request))
    actual = TypeAdapter(body).json_schema()
    actual = actual.get("$defs", {}).get(route.request, actual)
    component = CATALOG.components(api.name)[route.request]
    assert set(component["properties"]) == set(actual["properties"])
    assert set(component["required"]) == set(actual["required"])


def test_openapi_components_are_plain_json() -> None:
    for path in (resources.folder("schemas") / "openapi").glob("*.json"):
        assert path.read_text() == json.dumps(json.loads(path.read_text()), indent=2) + "\n"


def _importing(modules: set[str]) -> dict[str, bytes]:
    return {"package/__init__.py": "".join(f"import {each}\n" for each in sorted(modules)).encode()}


def test_the_catalog_reads_as_yaml_1_2() -> None:
    """The catalog is read by a fast parser of YAML 1.1; its files mean the same in both."""
    for path in sorted(resources.folder("schemas").rglob("*.yaml")):
        text = path.read_text()
        assert yaml.load(text, Loader=yaml.CSafeLoader) == YAML(typ="safe").load(text), path
