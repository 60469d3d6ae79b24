"""What external code imports of packages: each must be one that its provider type declares."""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from stackc import resources
from stackc.diagnostics import external_errors
from stackc.diagnostics.report import Diagnostic
from stackc.external.code import span_of
from stackc.external.entries import LIBRARY
from stackc.external.wheels import Wheel, wheels_of
from stackc.shake import imported, loaded, reach, running
from stackc.source import Source, Span
from stackc.stack import External, Stack


def package_faults(
    stack: Stack, base: Sequence[str], files: Mapping[str, Path]
) -> Iterator[Diagnostic]:
    """Imports, and classes, of packages that no provider type of the source declares.

    `base` are the requirements of every stack, `files` the wheels of the image.
    """
    wheels = wheels_of(files) if stack.external else []
    for source in stack.external:
        names = {_name(each) for each in (*base, *_required(stack, source))}
        declared = [wheel for wheel in wheels if wheel.package in names]
        known = _always(stack) | _modules(declared)
        yield from _class_faults(source, declared, known, wheels)
        yield from _import_faults(source, known | _own(source), wheels)


def _required(stack: Stack, source: External) -> Iterator[str]:
    for provider in stack.providers:
        if provider.type.source == source.source:
            for packages in provider.type.packages_of(dict(provider.config.fields)):
                yield from packages.required


def _class_faults(
    source: External, declared: Sequence[Wheel], known: frozenset[str], wheels: Sequence[Wheel]
) -> Iterator[Diagnostic]:
    """What is wrong with classes that are ours or of a package, and with what they use of ours."""
    for symbol, place in source.installed:
        having = [wheel for wheel in declared if wheel.has(symbol)]
        if symbol.module.partition(".")[0] == LIBRARY:
            yield from _library_faults([symbol.module], known, wheels, place)
        elif not having:
            yield external_errors.class_not_installed(f"{symbol.module}:{symbol.name}", place)
        for code in (wheel.reached(symbol.module) for wheel in having):
            names = {name for path, text in code.items() for name in imported(text, path)}
            yield from _library_faults(names, known | _modules(wheels), wheels, place)


def _library_faults(
    names: Iterable[str], known: frozenset[str], wheels: Sequence[Wheel], place: Span
) -> Iterator[Diagnostic]:
    """The modules of ours, among the names, that import what is not there."""
    for name in sorted(each for each in names if each.partition(".")[0] == LIBRARY):
        for module in sorted(_outside(name) - known - _python()):
            yield _undeclared(module, name, wheels, place)


def _import_faults(
    source: External, known: frozenset[str], wheels: Sequence[Wheel]
) -> Iterator[Diagnostic]:
    for path, text in sorted(source.code.items()):
        shown = Source((source.folder or Path()) / path, text.decode("utf-8-sig"))
        told: set[str] = set()
        for name, node in _imports(shown, path):
            for module in sorted(_outside(name) - known - _python() - told):
                told.add(module)
                yield _undeclared(module, name, wheels, span_of(shown, node))


def _undeclared(module: str, name: str, wheels: Sequence[Wheel], place: Span) -> Diagnostic:
    via = name if name.partition(".")[0] == LIBRARY else ""
    owners = sorted(wheel.package for wheel in wheels if module in wheel.modules)
    return external_errors.undeclared_package(module, via, owners, place)


def _imports(source: Source, path: str) -> Iterator[tuple[str, ast.AST]]:
    for node in running(ast.parse(source.text)):
        yield from ((name, node) for name in loaded(node, path))


def _modules(wheels: Sequence[Wheel]) -> frozenset[str]:
    return frozenset[str]().union(*(wheel.modules for wheel in wheels))


def _own(source: External) -> frozenset[str]:
    return frozenset(path.partition("/")[0].removesuffix(".py") for path in source.code)


def _python() -> frozenset[str]:
    """What is no package: ours, and what Python has."""
    return frozenset((LIBRARY, *sys.stdlib_module_names))


def _always(stack: Stack) -> frozenset[str]:
    """What the stack imports whoever its providers are."""
    modules = sorted({api.endpoint.module for api in stack.apis})
    return frozenset[str]().union(*map(_outside, modules))


def _outside(name: str) -> frozenset[str]:
    """The first parts of what an import loads, also by way of a module of the runtime library."""
    if name.partition(".")[0] != LIBRARY:
        return frozenset((name.partition(".")[0],))
    return reach({"": f"import {name}\n".encode()}, resources.runtime()).external


def _name(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)
