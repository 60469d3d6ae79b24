"""Tree-shaking: which modules of the runtime library a generated package reaches."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stackc.garbage import kept


@dataclass(frozen=True)
class Reach:
    """What a package's imports lead to: runtime modules by path, and top-level names of others."""

    runtime: dict[str, bytes]
    external: frozenset[str]


@kept()
def reach(sources: dict[str, bytes], runtime: Path) -> Reach:
    """Follows the imports of `sources` (path -> text) through the library in folder `runtime`.

    Imports inside functions count; those under `if TYPE_CHECKING:` never run and do not.
    """
    own = {path.split("/")[0] for path in sources}
    found: dict[str, bytes] = {}
    external: set[str] = set()
    todo = [name for text in sources.values() for name in imported(text)]
    while todo:
        name = todo.pop()
        top = name.partition(".")[0]
        if top != runtime.name:
            external |= {top} - own
            continue
        for path in _files(name, runtime):
            key = path.relative_to(runtime.parent).as_posix()
            if key not in found:
                found[key] = path.read_bytes()
                todo += imported(found[key])
    return Reach(dict(sorted(found.items())), frozenset(external))


def importers(sources: dict[str, bytes], runtime: Path) -> dict[str, tuple[str, ...]]:
    """Each module of the library that `sources` reach, and the modules that import it, sorted."""
    found: dict[str, set[str]] = {}
    for importer, text in {**sources, **reach(sources, runtime).runtime}.items():
        names = (name for name in imported(text) if name.partition(".")[0] == runtime.name)
        for path in (path for name in names for path in _files(name, runtime)):
            module = _module(path.relative_to(runtime.parent).as_posix())
            found.setdefault(module, set()).add(_module(importer))
    return {module: tuple(sorted(found[module] - {module})) for module in sorted(found)}


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(text: bytes) -> Iterator[str]:
    """Every dotted name that a module's imports may load, `from a import b` as `a` and `a.b`."""
    for node in _running(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """The statements that run, and what holds some; no expression holds any."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.expr):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for statement in child.orelse:
                yield from _running(statement)
        else:
            yield from _running(child)


def _files(name: str, runtime: Path) -> Iterator[Path]:
    """The files that importing a dotted name of the library runs: packages above it, then itself."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        path = runtime.parent.joinpath(*parts[:length])
        if (path / "__init__.py").is_file():
            yield path / "__init__.py"
        elif path.with_suffix(".py").is_file():
            yield path.with_suffix(".py")
