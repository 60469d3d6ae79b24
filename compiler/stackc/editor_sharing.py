"""A schema made smaller: a field that many providers have is written once, and referred to."""

import json
from collections import Counter
from collections.abc import Iterator

from stackc.catalog import JsonSchema

OFTEN = 3
"""Times that a field must be there to be written once."""


class Sharing:
    """The fields that configs share, under names of their own."""

    def __init__(self, configs: list[JsonSchema]) -> None:
        counted = Counter(key for config in configs for key in _keys(config))
        self._names: dict[str, str] = {}
        self.definitions: dict[str, JsonSchema] = {}
        for config in configs:
            for key, (name, field) in zip(_keys(config), _fields(config), strict=True):
                if counted[key] >= OFTEN and key not in self._names:
                    self._names[key] = self._unused(f"field_{name}")
                    self.definitions[self._names[key]] = field

    def config(self, config: JsonSchema) -> JsonSchema:
        """A config with references to what it shares."""
        if "properties" not in config:
            return config
        pairs = zip(_keys(config), _fields(config), strict=True)
        return {**config, "properties": {name: self._field(key, it) for key, (name, it) in pairs}}

    def _field(self, key: str, field: JsonSchema) -> JsonSchema:
        name = self._names.get(key)
        return {"$ref": f"#/definitions/{name}"} if name else field

    def _unused(self, name: str) -> str:
        names = (f"{name}{'_' * count}" for count in range(len(self.definitions) + 1))
        return next(each for each in names if each not in self.definitions)


def _fields(config: JsonSchema) -> Iterator[tuple[str, JsonSchema]]:
    yield from config.get("properties", {}).items()


def _keys(config: JsonSchema) -> Iterator[str]:
    """What tells the fields apart: the name and all that is said of it."""
    yield from (json.dumps([name, field]) for name, field in _fields(config))
