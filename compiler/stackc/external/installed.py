"""What external code imports of packages: each must be one that its provider type declares."""

import ast
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from stackc import resources
from stackc.catalog import Symbol
from stackc.diagnostics import external_errors
from stackc.diagnostics.report import Diagnostic
from stackc.external.code import has_name, span_of
from stackc.external.entries import LIBRARY
from stackc.shake import imported, loaded, parts_of, reach, running
from stackc.source import Source
from stackc.stack import External, Stack


class Wheel:
    """A wheel of the image: which package it is, and the modules that it installs."""

    def __init__(self, path: Path) -> None:
        self.package = canonicalize_name(path.name.partition("-")[0])
        self._path = path

    @cached_property
    def members(self) -> dict[str, str]:
        """The files by where they are installed, and their names in the wheel."""
        with zipfile.ZipFile(self._path) as wheel:
            names = (name for name in wheel.namelist() if not name.endswith("/"))
            return {re.sub(r"^[^/]+\.data/(pure|plat)lib/", "", name): name for name in names}

    @cached_property
    def modules(self) -> frozenset[str]:
        """The first parts of the names of its modules."""
        return frozenset(re.split(r"[/.]", name, maxsplit=1)[0] for name in self.members)

    def has(self, symbol: Symbol) -> bool:
        """Whether it has a class, as far as the text of its modules tells."""
        path = symbol.module.replace(".", "/")
        for name in (f"{path}.py", f"{path}/__init__.py"):
            if name in self.members:
                return has_name(self._read(name), symbol.name)
        return any(name.startswith(f"{path}.") for name in self.members)

    def reached(self, module: str) -> dict[str, bytes]:
        """Its modules that importing one of them runs, by path."""
        found: dict[str, bytes] = {}
        todo = [module]
        while todo:
            for part in parts_of(todo.pop()):
                path = part.replace(".", "/")
                for name in (f"{path}.py", f"{path}/__init__.py"):
                    if name in self.members and name not in found:
                        found[name] = self._read(name)
                        todo += imported(found[name], name)
        return found

    def _read(self, name: str) -> bytes:
        with zipfile.ZipFile(self._path) as wheel:
            return wheel.read(self.members[name])


def installed_code(stack: Stack, files: Mapping[str, Path]) -> dict[str, bytes]:
    """The code of the classes that packages bring, as far as it is in the wheels that have them.

    It is not copied, but read for what it imports of the runtime library.
    """
    found: dict[str, bytes] = {}
    for source in stack.external:
        for symbol, _ in source.installed:
            for wheel in (each for each in _wheels(files) if each.has(symbol)):
                found |= wheel.reached(symbol.module)
    return found


def _wheels(files: Mapping[str, Path]) -> list[Wheel]:
    return [Wheel(path) for path in files.values() if path.suffix == ".whl"]


def package_faults(
    stack: Stack, base: Sequence[str], files: Mapping[str, Path]
) -> Iterator[Diagnostic]:
    """Imports, and classes, of packages that no provider type of the source declares.

    `base` are the requirements of every stack, `files` the wheels of the image.
    """
    wheels = _wheels(files)
    for source in stack.external:
        names = {_name(each) for each in (*base, *_required(stack, source))}
        declared = [wheel for wheel in wheels if wheel.package in names]
        for symbol, place in source.installed:
            if not any(wheel.has(symbol) for wheel in declared):
                text = f"{symbol.module}:{symbol.name}"
                yield external_errors.class_not_installed(text, place)
        there = frozenset().union(_always(stack), *(wheel.modules for wheel in declared))
        yield from _import_faults(source, there | _own(source), wheels)


def _required(stack: Stack, source: External) -> Iterator[str]:
    for provider in stack.providers:
        if provider.type.source == source.source:
            for packages in provider.type.packages_of(dict(provider.config.fields)):
                yield from packages.required


def _import_faults(
    source: External, there: frozenset[str], wheels: Sequence[Wheel]
) -> Iterator[Diagnostic]:
    for path, text in sorted(source.code.items()):
        shown = Source((source.folder or Path()) / path, text.decode("utf-8-sig"))
        told: set[str] = set()
        for name, node in _imports(shown, path):
            for module in sorted(_outside(name) - there - told):
                told.add(module)
                via = name if name.partition(".")[0] == LIBRARY else ""
                owners = sorted(wheel.package for wheel in wheels if module in wheel.modules)
                place = span_of(shown, node)
                yield external_errors.undeclared_package(module, via, owners, place)


def _imports(source: Source, path: str) -> Iterator[tuple[str, ast.AST]]:
    for node in running(ast.parse(source.text)):
        yield from ((name, node) for name in loaded(node, path))


def _own(source: External) -> frozenset[str]:
    """What is no package: the source's modules, ours, and those of Python."""
    own = (path.partition("/")[0].removesuffix(".py") for path in source.code)
    return frozenset((*own, LIBRARY, *sys.stdlib_module_names))


def _always(stack: Stack) -> frozenset[str]:
    """What the stack imports whoever its providers are."""
    modules = sorted({api.endpoint.module for api in stack.apis})
    return frozenset().union(*map(_outside, modules))


def _outside(name: str) -> frozenset[str]:
    """The first parts of what an import loads, also by way of a module of the runtime library."""
    if name.partition(".")[0] != LIBRARY:
        return frozenset((name.partition(".")[0],))
    return reach({"": f"import {name}\n".encode()}, resources.runtime()).external


def _name(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)
