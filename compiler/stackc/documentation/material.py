"""What the pages tell: of the catalog, of the keys of a distribution, of the commands, of errors."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from stackc.catalog import Api, Catalog, Packages, ProviderType, Route
from stackc.diagnostics import pages as errors
from stackc.documentation.command_line import Command, commands_of
from stackc.documentation.keys import Key, Keys
from stackc.editor_words import NOT_YET


@dataclass(frozen=True)
class TypePage:
    """A provider type with what its section tells."""

    type: ProviderType
    keys: tuple[Key, ...]
    needs: tuple[str, ...]

    @property
    def state(self) -> str:
        """Whether it is there."""
        return _state(self.type.planned)


@dataclass(frozen=True)
class Group:
    """The provider types of one API."""

    api: Api
    types: tuple[TypePage, ...]

    @property
    def supported(self) -> int:
        """How many of the types are there."""
        return sum(not each.type.planned for each in self.types)

    @property
    def planned(self) -> int:
        """How many of the types are not there yet."""
        return len(self.types) - self.supported


@dataclass(frozen=True)
class Section:
    """The keys below one key of a distribution."""

    name: str
    description: str
    keys: tuple[Key, ...]


@dataclass(frozen=True)
class Planned:
    """A key that is known and has no effect yet, and where it stands."""

    owner: str
    key: Key

    @property
    def about(self) -> str:
        """What it is for, on a page that says already that it is not there."""
        return self.key.description.removesuffix(NOT_YET).strip()


@dataclass(frozen=True)
class Material:
    """All that the templates loop over."""

    catalog: Catalog
    parser: ArgumentParser

    @cached_property
    def apis(self) -> tuple[Api, ...]:
        """Every API."""
        return tuple(map(self.catalog.api, self.catalog.api_names))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The provider types of each API that has some."""
        found = (Group(api, tuple(self._types(api))) for api in self.apis)
        return tuple(group for group in found if group.types)

    @cached_property
    def commands(self) -> tuple[Command, ...]:
        """Every command."""
        return tuple(commands_of(self.parser))

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The keys of a distribution: the outermost, then what is inside of each."""
        outermost = tuple(key for key in self._keys if _first(key.path) == key.path)
        inner = (
            Section(key.path, key.description, self._below(key.path))
            for key in outermost
            if self._below(key.path)
        )
        return (Section("", "", outermost), *inner)

    @cached_property
    def errors(self) -> tuple[tuple[str, str], ...]:
        """Each code with the first line of its page."""
        return tuple((code, errors.summary(code)) for code in errors.codes())

    @cached_property
    def planned_apis(self) -> tuple[Api, ...]:
        """The APIs that cannot be served yet."""
        return tuple(api for api in self.apis if api.planned)

    @cached_property
    def planned_routes(self) -> tuple[Route, ...]:
        """The routes that are missing from APIs that are there."""
        apis = (api for api in self.apis if not api.planned)
        return tuple(route for api in apis for route in api.routes if not route.call)

    @cached_property
    def planned_keys(self) -> tuple[Planned, ...]:
        """The keys of distributions and of supported providers that have no effect yet."""
        found = [Planned("the distribution", key) for key in self._keys if key.planned]
        for group in self.groups:
            for each in (one for one in group.types if not one.type.planned):
                owner = f"`{each.type.type}` of {group.api.name}"
                found += [Planned(owner, key) for key in each.keys if key.planned]
        return tuple(found)

    def has_types(self, api: Api) -> bool:
        """Whether there is a page of its provider types."""
        return any(group.api is api for group in self.groups)

    def state(self, api: Api, route: Route) -> str:
        """Whether a route is there."""
        return _state(api.planned or not route.call)

    @cached_property
    def _keys(self) -> tuple[Key, ...]:
        schema = self.catalog.distribution_schema
        return tuple(Keys(schema["$defs"]).of(schema))

    def _below(self, name: str) -> tuple[Key, ...]:
        return tuple(key for key in self._keys if _first(key.path) == name != key.path)

    def _types(self, api: Api) -> Iterator[TypePage]:
        definitions = self.catalog.distribution_schema["$defs"]
        for each in self.catalog.types(api.name):
            keys = tuple(Keys(definitions).of(each.config))
            yield TypePage(each, keys, tuple(_needs(each)))


def _state(planned: bool) -> str:
    return "planned" if planned else "supported"


def _first(path: str) -> str:
    """The outermost key of a path."""
    return path.partition(".")[0].partition("[")[0]


def _needs(provider: ProviderType) -> Iterator[str]:
    """What a provider type takes and offers, a line each."""
    if provider.replaced_by:
        yield f"Replaced by: `{provider.replaced_by}`"
    if provider.requires:
        yield f"Requires providers of: {_listed(provider.requires)}"
    if provider.optional:
        yield f"Uses, where there are some, providers of: {_listed(provider.optional)}"
    if provider.compiled_models:
        yield f"Models compiled into the stack: {_listed(tuple(provider.compiled_models))}"
    if provider.open_models:
        yield "Models: those that the distribution names, and all that the server has"
    for name, value in provider.capabilities.items():
        yield f"{name.replace('_', ' ').capitalize()}: {_value(value)}"
    yield from _packages(provider.packages, "Packages")
    for field, choices in provider.packages_by.items():
        for value, packages in choices.items():
            yield from _packages(packages, f"Packages with `{field}: {value}`")


def _packages(packages: Packages, label: str) -> Iterator[str]:
    if packages.required:
        yield f"{label}: {_listed(packages.required)}"


def _listed(words: Sequence[object]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _value(value: object) -> str:
    if isinstance(value, list):
        return _listed(value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(each)}" for key, each in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value}`"
