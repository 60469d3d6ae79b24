"""The catalog is true: every entry is well-formed, and the runtime library is as it says."""

import inspect
import json
import sys
from importlib import import_module
from itertools import product
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter
from stackc import resources
from stackc.catalog import Api, Catalog, ProviderType, Symbol
from stackc.shake import reach
from stacks import distribution_name

CATALOG = Catalog()
APIS = [CATALOG.api(name) for name in CATALOG.api_names]
PROVIDERS = [
    provider
    for api in CATALOG.api_names
    for type_ in CATALOG.provider_types(api)
    if (provider := CATALOG.provider(api, type_))
]

PACKAGE_OF = {"pydantic_core": "pydantic"}
"""Distributions of top-level modules that are called otherwise."""

SAME_MODULE = {"onnxruntime-gpu": "onnxruntime"}
"""Distributions that another one can stand for."""


def load(symbol: Symbol) -> Any:
    return getattr(import_module(symbol.module), symbol.name)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.type)
def test_config_schema_is_one(provider: ProviderType) -> None:
    Draft202012Validator.check_schema(provider.config)
    assert provider.config["additionalProperties"] is False
    for name, field in provider.config["properties"].items():
        assert field["description"].endswith("."), name


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.type)
def test_signature_is_the_schema(provider: ProviderType) -> None:
    """Each field goes to a parameter of its name or into an argument; defaults are the same."""
    parameters = inspect.signature(load(provider.constructor)).parameters
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in parameters.values())
    patterns = "".join(provider.arguments.values())
    for name, field in provider.config["properties"].items():
        if f"{{{name}}}" in patterns:
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


CONFIGURED = [(provider, config) for provider in PROVIDERS for config in configurations(provider)]


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


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.type)
def test_every_choice_of_packages_is_a_value_of_its_field(provider: ProviderType) -> None:
    for name, choices in provider.packages_by.items():
        field = provider.config["properties"][name]
        assert field["x-static"] is True
        assert set(choices) == set(field["enum"])
        assert field["default"] in choices


@pytest.mark.parametrize("api", APIS, ids=lambda each: each.name)
def test_endpoint_has_every_method(api: Api) -> None:
    endpoint = load(api.endpoint)
    for route in api.routes:
        assert inspect.iscoroutinefunction(getattr(endpoint, route.call)), route.call
    assert tuple(inspect.signature(endpoint).parameters) == api.arguments


@pytest.mark.parametrize("api", APIS, ids=lambda each: each.name)
def test_components_of_the_routes_exist(api: Api) -> None:
    components = CATALOG.components(api.name)
    for route in api.routes:
        for name in filter(None, (route.request, route.response, route.stream)):
            assert name in components
    for schema in components.values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("route", [r for api in APIS for r in api.routes if r.request])
def test_request_bodies_are_the_components(route: Any) -> None:
    """What the runtime validates and what the OpenAPI document says are the same fields."""
    api = next(api for api in APIS if route in api.routes)
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
