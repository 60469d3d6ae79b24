"""The code of `file:` sources: which modules a stack reaches, and the rules that they keep."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from stackc import resources
from stackc.catalog import Symbol
from stackc.diagnostics import external_errors
from stackc.diagnostics.report import Diagnostic
from stackc.external.entries import LIBRARY, ExternalType
from stackc.external.rules import loads_dynamically
from stackc.external.signature import signature_faults
from stackc.external.sources import Catalogued
from stackc.load import decoded
from stackc.shake import files_of, loaded, module_of, modules, running
from stackc.source import Source, Span


class Code:
    """The modules of one source that its used types reach; collects what is wrong with them."""

    def __init__(self, owner: Catalogued) -> None:
        self.owner = owner
        self.files: dict[str, bytes] = {}
        self.installed: list[tuple[Symbol, Span]] = []
        self.faults: list[Diagnostic] = []

    def add(self, used: ExternalType) -> None:
        """Follows the imports of a type's classes."""
        for symbol, place in used.places():
            folder = self._folder(symbol.module)
            if folder is None:
                self.installed.append((symbol, place))
                if not any(used.type.packages_by) and not used.type.packages.required:
                    self.faults.append(external_errors.no_module(symbol.module, place))
                continue
            self.faults += _class_faults(symbol, folder, place)
            if symbol == used.type.constructor:
                text = _text_of(symbol.module, folder)
                self.faults += signature_faults(text, used, place) if text else ()
            if folder == self.owner.folder:
                self._follow(symbol.module, place)
            else:
                self.installed.append((symbol, place))

    def _folder(self, module: str) -> Path | None:
        """Below what a module stands: the source or the runtime library; None for a package."""
        top = module.partition(".")[0]
        if top == LIBRARY:
            return resources.runtime().parent
        return self.owner.folder if self._is_own(top) else None

    def _is_own(self, top: str) -> bool:
        folder = self.owner.folder
        if folder is None or not top:
            return False
        return (folder / f"{top}.py").is_file() or any((folder / top).rglob("*.py"))

    def _follow(self, module: str, place: Span) -> None:
        folder = self.owner.folder
        assert folder is not None
        for path in files_of(module, folder):
            key = path.relative_to(folder).as_posix()
            if key not in self.files:
                self.files[key] = path.read_bytes()
                self.faults += _taken(key, place)
                self._read(key)

    def _read(self, key: str) -> None:
        shown = self.owner.shown(key)
        source = Source(shown, decoded(shown, self.files[key]))
        try:
            tree = ast.parse(source.text)
        except (SyntaxError, ValueError) as error:
            self.faults.append(_not_python(source, error))
            return
        for node in running(tree):
            self._check(node, key, source)
            for name in loaded(node, key):
                if self._is_own(name.partition(".")[0]):
                    self._follow(name, span_of(source, node))

    def _check(self, node: ast.AST, key: str, source: Source) -> None:
        place = span_of(source, node)
        if loads_dynamically(node):
            self.faults.append(external_errors.dynamic_loading(place))
        for name in modules(node, key):
            if not self._exists(name):
                self.faults.append(external_errors.no_module(name, place))

    def _exists(self, module: str) -> bool:
        """Whether a module is there, as far as that is known without the packages."""
        if module.startswith("."):
            return False
        folder = self._folder(module)
        path = folder.joinpath(*module.split(".")) if folder else None
        return path is None or path.is_dir() or path.with_suffix(".py").is_file()


def _taken(path: str, place: Span) -> Iterator[Diagnostic]:
    """A module that would hide one of Python's, which the whole stack then would import."""
    top = module_of(path).partition(".")[0]
    if top in sys.stdlib_module_names:
        yield external_errors.taken_module(path, f"Python's own `{top}`", place)


def _class_faults(symbol: Symbol, folder: Path, place: Span) -> Iterator[Diagnostic]:
    """Whether a class is where the catalog says, as far as its module's text tells."""
    text = _text_of(symbol.module, folder)
    if text is None:
        problem = f"there is no module `{symbol.module}`"
        yield external_errors.unknown_class(problem, place)
    elif not has_name(text, symbol.name):
        problem = f"the module `{symbol.module}` has no `{symbol.name}`"
        yield external_errors.unknown_class(problem, place)


def _text_of(module: str, folder: Path) -> bytes | None:
    """The text of a module below a folder, if it is there."""
    files = [*files_of(module, folder)]
    there = files and module_of(files[-1].relative_to(folder).as_posix()) == module
    return files[-1].read_bytes() if there else None


def has_name(text: bytes, name: str) -> bool:
    """Whether a module gives a name to something; what is not Python is told of elsewhere."""
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError):
        return True
    names: set[str] = set()
    for each in ast.walk(ast.Module(statements, [])):
        if isinstance(each, ast.ClassDef | ast.FunctionDef):
            names.add(each.name)
        elif isinstance(each, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in each.names}
        elif isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            names.add(each.id)
    return name in names or "*" in names


def span_of(source: Source, node: ast.AST) -> Span:
    """The place of a statement, or of its first line."""
    line, start = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    end_line, end = getattr(node, "end_lineno", line), getattr(node, "end_col_offset", start + 1)
    if end_line != line:
        return Span.whole_line(source, line)
    return Span(source, line, start + 1, line, end + 1)


def _not_python(source: Source, error: SyntaxError | ValueError) -> Diagnostic:
    if not isinstance(error, SyntaxError) or not error.lineno:
        return external_errors.not_python(str(error), Span.start_of(source))
    column = max(error.offset or 1, 1)
    place = Span(source, error.lineno, column, error.lineno, column + 1)
    return external_errors.not_python(error.msg, place)
