"""The OpenAPI 3.1 document of a stack, from the same routes as its code."""

import re
from typing import Any

from stackc.catalog import Api, Catalog, JsonSchema, Route
from stackc.stack import Stack

Json = dict[str, Any]


def document(stack: Stack, catalog: Catalog) -> Json:
    """The document: one operation a route, aliases marked as deprecated, components sorted."""
    paths: dict[str, Json] = {}
    components: dict[str, JsonSchema] = {}
    for api in stack.apis:
        components |= catalog.components(api.name)
        for route in api.routes:
            for path in (route.path, *route.aliases):
                operation = _operation(api, route, path)
                paths.setdefault(_openapi_path(path), {})[route.method.lower()] = operation
    components |= catalog.components("errors")
    return {
        "openapi": "3.1.0",
        "info": {"title": stack.name, "version": "v1"},
        "servers": [{"url": "/"}],
        "tags": [{"name": api.name, "description": api.summary} for api in stack.apis],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(components.items()))},
    }


def _operation(api: Api, route: Route, path: str) -> Json:
    operation: Json = {
        "operationId": route.call if path == route.path else f"{route.call}_alias",
        "tags": [api.name],
        "summary": route.summary,
    }
    if path != route.path:
        operation["deprecated"] = True
    if parameters := re.findall(r"\{(\w+)(?::\w+)?\}", path):
        operation["parameters"] = [_parameter(name) for name in parameters]
    if route.request:
        operation["requestBody"] = {"required": True, "content": _json(route.request)}
    operation["responses"] = {"200": _success(route), "default": _failure()}
    return operation


def _success(route: Route) -> Json:
    content = _json(route.response)
    if route.stream:
        content["text/event-stream"] = {"schema": _reference(route.stream)}
    return {"description": "The answer.", "content": content}


def _failure() -> Json:
    return {"description": "An error, in OpenAI's shape.", "content": _json("Error")}


def _json(name: str) -> Json:
    return {"application/json": {"schema": _reference(name)}}


def _reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _parameter(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _openapi_path(path: str) -> str:
    """A route's path without Starlette's converters."""
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", path)
