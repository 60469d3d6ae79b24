"""The code of external providers that is installed: what is in the wheels of an image."""

import re
import zipfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from packaging.utils import canonicalize_name

from stackc.catalog import Symbol
from stackc.external.code import has_name
from stackc.shake import imported, parts_of
from stackc.stack import Stack


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
            for wheel in (each for each in wheels_of(files) if each.has(symbol)):
                found |= wheel.reached(symbol.module)
    return found


def wheels_of(files: Mapping[str, Path]) -> list[Wheel]:
    """The wheels among the files of an image."""
    return [Wheel(path) for path in files.values() if path.suffix == ".whl"]
