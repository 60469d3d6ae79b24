"""The JSON Schema of a distribution for editors: every key with its words, every provider's config.

Draft 7, the newest that every editor's language server knows. What the compiler checks with stays as
it is; this is a view of it that is a little more tolerant.
"""

import json
from collections.abc import Iterator

from stackc.catalog import Api, Catalog, JsonSchema, ProviderType
from stackc.editor_sharing import Sharing
from stackc.editor_words import ANNOTATIONS, kept, told, translated
from stackc.kinds import KINDS

FORMAT = "http://json-schema.org/draft-07/schema#"


def editor_schema(catalog: Catalog) -> JsonSchema:
    """The schema, made anew from the catalog; the same catalog gives the same one."""
    return _Editor(catalog).schema()


def text(schema: JsonSchema) -> str:
    """The schema as it stands in a file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


class _Editor:
    """Puts the parts together; what lists hold are definitions, which say nothing of what must be."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        source = catalog.distribution_schema
        self._root = translated(source)
        self._definitions = {name: translated(part) for name, part in source["$defs"].items()}
        for name in ("server", "storage", "vector_stores"):
            self._definitions[name] = _nullable(self._definitions[name])
        self._provider = self._definitions.pop("provider")
        self._apis = [catalog.api(name) for name in catalog.api_names]
        self._types = {api.name: catalog.types(api.name) for api in self._apis}
        configs = [translated(each.config) for types in self._types.values() for each in types]
        self._sharing = Sharing(configs)

    def schema(self) -> JsonSchema:
        """The whole. A file that `extends` another one may leave out what else must be there."""
        root = self._root
        whole = {"properties": self._lists(required=True), "required": root["required"]}
        definitions = {**self._definitions, **dict(self._items()), **self._sharing.definitions}
        return {
            "$schema": FORMAT,
            "description": root["description"],
            "type": "object",
            "additionalProperties": False,
            "properties": self._sections(),
            "if": {"required": ["extends"]},
            "then": {"properties": self._lists(required=False)},
            "else": whole,
            "definitions": definitions,
        }

    def _sections(self) -> dict[str, JsonSchema]:
        """Every section; of the two that are lists of things, only what they are."""
        required = self._root["required"]
        sections: dict[str, JsonSchema] = {
            name: each if name in required else _nullable(each)
            for name, each in self._root["properties"].items()
        }
        return {
            **sections,
            "apis": {**sections["apis"], "items": _names(self._apis)},
            "providers": _open(sections["providers"]),
            "registered_resources": _nullable(_open(sections["registered_resources"])),
        }

    def _items(self) -> Iterator[tuple[str, JsonSchema]]:
        """The definition of each thing that a list holds."""
        for kind in KINDS.values():
            if kind.definition in self._definitions:
                yield kind.definition, _removable(self._definitions[kind.definition])
        for api in self._apis:
            if api.takes_providers:
                yield _definition(api), _removable(self._provider_of(api))

    def _lists(self, *, required: bool) -> dict[str, JsonSchema]:
        """The two sections that are lists of things with an id."""
        return {
            "providers": {
                "properties": self._lists_of_providers(required),
                "additionalProperties": False,
            },
            "registered_resources": {
                "properties": self._lists_of_resources(required),
                "additionalProperties": False,
            },
        }

    def _lists_of_providers(self, required: bool) -> dict[str, JsonSchema]:
        must = self._provider["required"] if required else []
        return {
            api.name: {
                "type": ["array", "null"],
                "description": told(api.summary, api.planned),
                "items": _item(_definition(api), must),
            }
            for api in self._apis
            if api.takes_providers
        }

    def _lists_of_resources(self, required: bool) -> dict[str, JsonSchema]:
        lists = self._root["properties"]["registered_resources"]["properties"]
        return {
            name: {
                **_nullable(field),
                "items": _item(KINDS[name].definition, self._must(name, required)),
            }
            for name, field in lists.items()
        }

    def _must(self, kind: str, required: bool) -> list[str]:
        source = self._catalog.distribution_schema["$defs"][KINDS[kind].definition]
        found: list[str] = source.get("required", []) if required else []
        return found

    def _provider_of(self, api: Api) -> JsonSchema:
        """A provider of one API: its type decides what its config is."""
        types = self._types[api.name]
        if not types:
            return self._provider
        kind = {
            **self._provider["properties"]["provider_type"],
            "enum": [each.type for each in types],
            "enumDescriptions": [told(each.summary, each.planned) for each in types],
        }
        return {
            **self._provider,
            "properties": {**self._provider["properties"], "provider_type": kind},
            "allOf": [self._choice(each) for each in types],
        }

    def _choice(self, provider: ProviderType) -> JsonSchema:
        config = self._sharing.config(translated(provider.config))
        required = bool(config.get("required"))
        config["type"] = "object" if required else ["object", "null"]
        config["description"] = told(provider.summary, provider.planned)
        chosen = {"properties": {"provider_type": {"const": provider.type}}}
        then: JsonSchema = {"properties": {"config": config}}
        if required:
            then["required"] = ["config"]
        return {"if": {**chosen, "required": ["provider_type"]}, "then": then}


def _names(apis: list[Api]) -> JsonSchema:
    return {
        "enum": [api.name for api in apis],
        "enumDescriptions": [told(api.summary, api.planned) for api in apis],
    }


def _nullable(schema: JsonSchema) -> JsonSchema:
    """The same, or nothing: a key without a value is one that is not there, also in an overlay."""
    type_ = schema.get("type")
    return {**schema, "type": [type_, "null"]} if isinstance(type_, str) else schema


def _open(section: JsonSchema) -> JsonSchema:
    """A section of which only its words are said yet."""
    return {**kept(section, ANNOTATIONS), "type": "object"}


def _definition(api: Api) -> str:
    return f"provider_of_{api.name}"


def _item(definition: str, required: list[str]) -> JsonSchema:
    reference = {"$ref": f"#/definitions/{definition}"}
    return {"allOf": [reference], "required": required} if required else reference


def _removable(item: JsonSchema) -> JsonSchema:
    """A thing with an id, which a file that extends another one may change or leave out."""
    remove = {
        "type": "boolean",
        "description": "In a file that `extends` another one: whether this one is left out.",
    }
    properties = {**item["properties"], "remove": remove}
    return {**{key: item[key] for key in item if key != "required"}, "properties": properties}
