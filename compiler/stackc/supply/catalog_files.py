"""The files of the catalog that a stack was compiled from."""

from collections.abc import Iterator
from pathlib import Path

from stackc.stack import Stack


def catalog_files(stack: Stack, root: Path) -> tuple[Path, ...]:
    """The files below `root` that say what the stack is, sorted."""
    return tuple(sorted({path for path in _named(stack, root) if path.is_file()}))


def _named(stack: Stack, root: Path) -> Iterator[Path]:
    yield root / "distribution.schema.json"
    yield root / "runtime.yaml"
    yield root / "providers" / "shared.yaml"
    for api in (*stack.apis, *stack.provided):
        yield root / "apis" / f"{api.name}.yaml"
    for api in stack.apis:
        yield root / "openapi" / f"{api.name}.json"
    for provider in stack.providers:
        file = f"{provider.type.type.replace('::', '__')}.yaml"
        yield root / "providers" / provider.api / file
