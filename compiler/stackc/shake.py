"""Tree-shaking: which modules of the runtime library a generated package reaches."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

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
    todo = [name for path, text in sources.items() for name in imported(text, path)]
    while todo:
        name = todo.pop()
        top = name.partition(".")[0]
        if top != runtime.name:
            external |= {top} - own
            continue
        for path in files_of(name, runtime.parent):
            key = path.relative_to(runtime.parent).as_posix()
            if key not in found:
                found[key] = path.read_bytes()
                todo += imported(found[key], key)
    return Reach(dict(sorted(found.items())), frozenset(external))


def importers(
    sources: dict[str, bytes], runtime: Path, others: Mapping[str, bytes] = MappingProxyType({})
) -> dict[str, tuple[str, ...]]:
    """Each module of the library that `sources` reach, and the modules that import it, sorted.

    So too each module of `others`, which the sources import and which import the library.
    """
    files = {**sources, **others}
    library = reach(files, runtime).runtime
    known = frozenset(map(module_of, (*library, *others)))
    found: dict[str, set[str]] = {}
    for path, text in {**files, **library}.items():
        names = (part for name in imported(text, path) for part in parts_of(name))
        for module in known.intersection(names):
            found.setdefault(module, set()).add(module_of(path))
    return {module: tuple(sorted(found[module] - {module})) for module in sorted(found)}


def parts_of(name: str) -> Iterator[str]:
    """A dotted name after those of the packages that it is in: `a`, then `a.b`."""
    parts = name.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def module_of(path: str) -> str:
    """The name that a file is imported by: `a/b.py` and `a/b/__init__.py` are `a.b`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(text: bytes, path: str = "") -> Iterator[str]:
    """Every dotted name that a module's imports may load; `path` is what relative ones start from."""
    statements = running(ast.parse(text), expressions=False)
    return (name for node in statements for name in loaded(node, path))


def loaded(node: ast.AST, path: str) -> Iterator[str]:
    """What a statement may load: `from a import b` the modules `a` and `a.b`, if that is one."""
    for module in modules(node, path):
        yield module
        if isinstance(node, ast.ImportFrom):
            yield from (f"{module}.{alias.name}" for alias in node.names)


def modules(node: ast.AST, path: str) -> Iterator[str]:
    """The modules that a statement names as such."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield _absolute(node, path)


def _absolute(node: ast.ImportFrom, path: str) -> str:
    """The module that `from` names: the first dot is the package that the file stands in.

    What leads out of all packages stays as it is written, dots and all.
    """
    folders = path.split("/")[: -node.level] if node.level else []
    if node.level and not folders:
        return "." * node.level + (node.module or "")
    return ".".join((*folders, *filter(None, [node.module])))


def running(tree: ast.AST, *, expressions: bool = True) -> Iterator[ast.AST]:
    """Every node but those under `if TYPE_CHECKING:`; without expressions, which hold no import."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.expr) and not expressions:
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for statement in child.orelse:
                yield from running(statement, expressions=expressions)
        else:
            yield from running(child, expressions=expressions)


def files_of(name: str, folder: Path) -> Iterator[Path]:
    """The files below a folder that importing a name runs: packages above it, then itself."""
    for part in parts_of(name):
        path = folder.joinpath(*part.split("."))
        if (path / "__init__.py").is_file():
            yield path / "__init__.py"
        elif path.with_suffix(".py").is_file():
            yield path.with_suffix(".py")
