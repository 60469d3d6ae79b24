"""The checkout that files are added to: nothing of it is overwritten, and all is written or nothing."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stackc import rendering

_MARKS = ("schemas/apis", "runtime/stackrt", "compiler/stackc/emit.py", "tests")


class ScaffoldError(ValueError):
    """What was asked for cannot be made, and why."""


class Checkout:
    """A checkout, by its root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, files: Mapping[str, str], changed: Mapping[str, str]) -> list[str]:
        """Writes new files and changes others; returns the paths. Raises ScaffoldError."""
        for path in files:
            if (self.root / path).exists():
                raise ScaffoldError(f"`{path}` is there already")
        for path, text in {**files, **changed}.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        return sorted({**files, **changed})

    def read(self, path: str) -> str:
        """The text of a file."""
        return (self.root / path).read_text(encoding="utf-8")


def checkout_above(folder: Path) -> Checkout:
    """The checkout that a folder is in; raises ScaffoldError where it is in none."""
    for above in (folder, *folder.parents):
        if all((above / mark).exists() for mark in _MARKS):
            return Checkout(above)
    raise ScaffoldError(f"`{folder}` is not in a checkout of stackc's repository")


def render(template: str, **values: Any) -> str:
    """A text of this folder's templates."""
    environment = rendering.environment(Path(__file__).parent)
    return environment.get_template(f"{template}.jinja").render(**values)


def class_name(name: str) -> str:
    """A name in the spelling of a class: `vector_io` is `VectorIo`."""
    return "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", name) if part)
