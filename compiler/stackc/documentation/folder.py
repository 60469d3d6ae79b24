"""The folder that the documentation stands in: written, or compared with what would be written."""

from collections.abc import Iterator
from pathlib import Path

from stackc.documentation.pages import Pages

OWN = "providers"
"""The folder below that holds nothing but what is written."""


def write(folder: Path, pages: Pages) -> None:
    """Writes every page, and removes those of provider types that are gone."""
    for path in _strays(folder, pages):
        path.unlink()
    for name, data in pages.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def differences(folder: Path, pages: Pages) -> list[str]:
    """What `write` would change, a line each, sorted."""
    found = [f"stray: {path}" for path in _strays(folder, pages)]
    for name, data in pages.items():
        target = folder / name
        if not target.is_file():
            found.append(f"missing: {target}")
        elif target.read_bytes() != data:
            found.append(f"differs: {target}")
    return sorted(found)


def _strays(folder: Path, pages: Pages) -> Iterator[Path]:
    for path in sorted((folder / OWN).glob("*.md")):
        if path.relative_to(folder).as_posix() not in pages:
            yield path
