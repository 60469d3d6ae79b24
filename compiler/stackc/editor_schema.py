"""The JSON Schema of a distribution for editors: every key with its words, every provider's config.

Draft 7, the newest that every editor's language server knows. What the compiler checks with stays as
it is; this is a view of it that is a little more tolerant.
"""

import json

from stackc.catalog import Api, Catalog, JsonSchema, ProviderType
from stackc.editor_words import ANNOTATIONS, kept, told, translated

FORMAT = "http://json-schema.org/draft-07/schema#"


def editor_schema(catalog: Catalog) -> JsonSchema:
    """The schema, made anew from the catalog; the same catalog gives the same one."""
    source = catalog.distribution_schema
    schema = translated(source)
    definitions = {name: translated(part) for name, part in source["$defs"].items()}
    provider = definitions.pop("provider")
    properties = dict(schema["properties"])
    properties["apis"] = {**properties["apis"], "items": _names(catalog)}
    properties["providers"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": _providers(catalog, provider),
        **kept(properties["providers"], ANNOTATIONS),
    }
    del schema["title"]  # editors would put it over the words of every key
    return {"$schema": FORMAT, **schema, "properties": properties, "definitions": definitions}


def text(schema: JsonSchema) -> str:
    """The schema as it stands in a file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _names(catalog: Catalog) -> JsonSchema:
    apis = [catalog.api(name) for name in catalog.api_names]
    return {
        "enum": [api.name for api in apis],
        "enumDescriptions": [told(api.summary, api.planned) for api in apis],
    }


def _providers(catalog: Catalog, provider: JsonSchema) -> dict[str, JsonSchema]:
    """The lists of providers, by API."""
    apis = [catalog.api(name) for name in catalog.api_names]
    return {
        api.name: {
            "type": "array",
            "description": told(api.summary, api.planned),
            "items": _provider(api, catalog, provider),
        }
        for api in apis
        if api.takes_providers
    }


def _provider(api: Api, catalog: Catalog, provider: JsonSchema) -> JsonSchema:
    """A provider of one API: its type decides what its config is."""
    types = catalog.types(api.name)
    if not types:
        return provider
    kind = {
        **provider["properties"]["provider_type"],
        "enum": [each.type for each in types],
        "enumDescriptions": [told(each.summary, each.planned) for each in types],
    }
    return {
        **provider,
        "properties": {**provider["properties"], "provider_type": kind},
        "allOf": [_choice(each) for each in types],
    }


def _choice(provider: ProviderType) -> JsonSchema:
    config = translated(provider.config)
    required = bool(config.get("required"))
    config["type"] = "object" if required else ["object", "null"]
    config["description"] = told(provider.summary, provider.planned)
    chosen = {"properties": {"provider_type": {"const": provider.type}}}
    then: JsonSchema = {"properties": {"config": config}}
    if required:
        then["required"] = ["config"]
    return {"if": {**chosen, "required": ["provider_type"]}, "then": then}
