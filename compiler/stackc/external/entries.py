"""The entries of external sources: every file is checked as data before it is in the catalog."""

import keyword
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from stackc.catalog import Catalog, Packages, ProviderType, Symbol, provider_type, type_of
from stackc.diagnostics import errors, external_errors
from stackc.diagnostics.report import CompileError, Diagnostic, stop_at_errors
from stackc.external.configs import config_faults
from stackc.external.sources import Catalogued
from stackc.external.trees import at, entries, texts
from stackc.load import decoded, read_plain
from stackc.shape import faults_of
from stackc.source import Source, Span
from stackc.tree import Mapping, Scalar, plain
from stackc.values import Name

LIBRARY = "stackrt"

OURS = ("stackc",)
"""What a package of providers may ask for, and what a stack has already as far as it needs it."""


@dataclass(frozen=True)
class ExternalType:
    """A provider type of a source, and its file as it was written."""

    type: ProviderType
    root: Mapping
    owner: Catalogued

    @property
    def name(self) -> Name:
        """What it is called, and where."""
        return _name(self.root, "type")

    def places(self) -> Iterator[tuple[Symbol, Span]]:
        """Every class that generated code imports for it, and where it is named."""
        compiled = entries(at(self.root.get("models"), "compiled"))
        named = [self.root.get("class"), *(each.value for each in compiled)]
        yield from (
            (Symbol.parse(str(each.value)), each.span)
            for each in named
            if isinstance(each, Scalar) and not self.type.planned
        )


def entries_of(sources: tuple[Catalogued, ...], catalog: Catalog) -> tuple[ExternalType, ...]:
    """The provider types of the sources; raises CompileError with all that is wrong with them."""
    found: list[ExternalType] = []
    faults: list[Diagnostic] = []
    for source in sources:
        for path in source.files:
            try:
                found.append(_entry(source, path, catalog))
            except CompileError as error:
                faults += error.diagnostics
    faults += _repeated(found, catalog)
    stop_at_errors(faults)
    return tuple(found)


def _entry(source: Catalogued, path: str, catalog: Catalog) -> ExternalType:
    shown = source.shown(path)
    text = Source(shown, decoded(shown, source.files[path]))
    root = read_plain(text)
    if not isinstance(root, Mapping):
        raise CompileError([external_errors.no_entry(Span.start_of(text))])
    if len(PurePosixPath(path).parts) != 3 or not path.endswith(".yaml"):
        raise CompileError([external_errors.out_of_place(path, Span.start_of(text))])
    schema = catalog.provider_schema
    stop_at_errors(faults_of(root, schema, "the provider type", Span.start_of(text)))
    data = plain(root)
    stop_at_errors(_faults(root, data, PurePosixPath(path), source, catalog))
    made = provider_type(data, catalog.parts, str(source.source))
    return ExternalType(_with_its_package(made, source), root, source)


def _with_its_package(made: ProviderType, source: Catalogued) -> ProviderType:
    """A type from a package needs it, unless a class of ours is all that it uses."""
    pin = _own_package(source)
    if pin is None or all(each.module.split(".")[0] == LIBRARY for each in made.symbols):
        return made
    name = canonicalize_name(source.source.package)
    others = (each for each in made.packages.required if _canonical(each) != name)
    excluded = (*made.packages.excluded, *OURS)
    return replace(made, packages=Packages((pin, *others), excluded))


def _own_package(source: Catalogued) -> str | None:
    found = source.source
    return f"{found.package}=={found.version}" if found.kind == "pypi" else None


def _canonical(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def _faults(
    root: Mapping, data: dict[str, Any], path: PurePosixPath, source: Catalogued, catalog: Catalog
) -> Iterator[Diagnostic]:
    """What is wrong with a file of the right shape."""
    api, type_ = _name(root, "api"), _name(root, "type")
    if api.text not in catalog.api_names:
        yield errors.unknown_api(api, catalog.api_names, None)
    elif not catalog.api(api.text).takes_providers:
        yield external_errors.api_without_providers(api)
    elif api.text != path.parent.name:
        yield external_errors.other_api(api, path.parent.name)
    if type_of(path.stem) != type_.text:
        file = f"{type_.text.replace('::', '__')}.yaml"
        yield external_errors.other_type(type_, file, path.stem)
    for key in ("requires", "optional"):
        for name in texts(root.get(key)):
            if name.text not in catalog.api_names:
                yield errors.unknown_api(name, catalog.api_names, None)
    yield from _requirement_faults(root, source)
    yield from config_faults(root, data, catalog.parts)
    yield from _parameter_faults(root, data)


def _requirement_faults(root: Mapping, source: Catalogued) -> Iterator[Diagnostic]:
    for name in (*texts(root.get("packages")), *_chosen_packages(root)):
        try:
            requirement = Requirement(name.text)
        except InvalidRequirement as error:
            problem = str(error).splitlines()[0].lower()
            yield external_errors.bad_requirement(name.text, problem, name.span)
            continue
        same = canonicalize_name(requirement.name) == canonicalize_name(source.source.package)
        if same and not requirement.specifier.contains(source.source.version, prereleases=True):
            yield external_errors.other_version(name.text, str(source.source), name.span)


def _chosen_packages(root: Mapping) -> Iterator[Name]:
    for field in entries(root.get("packages_by")):
        for choice in entries(field.value):
            yield from texts(at(choice.value, "packages"))


def _parameter_faults(root: Mapping, data: dict[str, Any]) -> Iterator[Diagnostic]:
    """Fields that are passed on under their own names, and names that cannot be."""
    patterns = "".join(data.get("arguments", {}).values())
    fields = entries(at(root.get("config"), "properties"))
    for entry in (*fields, *entries(root.get("arguments"))):
        passed = f"{{{entry.key}}}" not in patterns
        if passed and (not entry.key.isidentifier() or keyword.iskeyword(entry.key)):
            yield external_errors.no_parameter(entry.key, entry.key_span)


def _repeated(found: list[ExternalType], catalog: Catalog) -> Iterator[Diagnostic]:
    first: dict[tuple[str, str], Span] = {}
    for each in found:
        api, name = each.type.api, each.name
        if name.text in catalog.provider_types(api):
            file = f"schemas/providers/{api}/{catalog.file_of(api, name.text).name}"
            yield external_errors.known_type(name, api, file)
        elif (api, name.text) in first:
            yield external_errors.duplicate_type(name, api, first[api, name.text])
        first.setdefault((api, name.text), name.span)


def _name(root: Mapping, key: str) -> Name:
    """A text that the shape guarantees to be there."""
    value = root.get(key)
    assert isinstance(value, Scalar)
    return Name(str(value.value), value.span)
