"""What the providers of an API must have, read from the syntax tree of its Protocol."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stackc.catalog import Symbol


@dataclass(frozen=True)
class Parameter:
    """A parameter of a method, as it is written."""

    name: str
    annotation: str
    default: str
    keyword_only: bool

    def __str__(self) -> str:
        default = f" = {self.default}" if self.default else ""
        return f"{self.name}: {self.annotation}{default}"


@dataclass(frozen=True)
class Method:
    """A method or a property, with the first line of its docstring and the names that it uses."""

    name: str
    parameters: tuple[Parameter, ...]
    returns: str
    about: str
    is_property: bool
    uses: tuple[Symbol, ...]

    @property
    def capability(self) -> str:
        """What it can do, in words."""
        return self.name.replace("stream_", "streamed_").replace("_", " ")

    @property
    def written_parameters(self) -> tuple[str, ...]:
        """Everything between the parentheses."""
        first = [str(each) for each in self.parameters if not each.keyword_only]
        named = [str(each) for each in self.parameters if each.keyword_only]
        return ("self", *first, *(["*", *named] if named else []))


def methods_of(symbol: Symbol, runtime: Path) -> tuple[Method, ...]:
    """The methods of a Protocol and of those that it is made of; `runtime` holds the library."""
    module = _Module(symbol.module, runtime)
    found: dict[str, Method] = {}
    node = module.class_(symbol.name)
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id != "Protocol":
            found |= {each.name: each for each in methods_of(module.names[base.id], runtime)}
    found |= {each.name: each for each in _own(node, module)}
    return tuple(found.values())


class _Module:
    """A module's tree, and where the names come from that it uses."""

    def __init__(self, name: str, runtime: Path) -> None:
        path = runtime.parent.joinpath(*name.split(".")).with_suffix(".py")
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        self.names = dict(self._names(name))

    def class_(self, name: str) -> ast.ClassDef:
        nodes = (node for node in self._tree.body if isinstance(node, ast.ClassDef))
        return next(node for node in nodes if node.name == name)

    def _names(self, module: str) -> Iterator[tuple[str, Symbol]]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    yield alias.asname or alias.name, Symbol(node.module, alias.name)
        for node in self._tree.body:
            if isinstance(node, ast.ClassDef):
                yield node.name, Symbol(module, node.name)
            for target in node.targets if isinstance(node, ast.Assign) else ():
                if isinstance(target, ast.Name):
                    yield target.id, Symbol(module, target.id)


def _own(node: ast.ClassDef, module: _Module) -> Iterator[Method]:
    for each in node.body:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            yield _method(each, module)


def _method(node: ast.FunctionDef | ast.AsyncFunctionDef, module: _Module) -> Method:
    written = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
    names = sorted({each.id for each in written if each.id in module.names})
    return Method(
        name=node.name,
        parameters=tuple(_parameters(node.args)),
        returns=ast.unparse(node.returns) if node.returns else "None",
        about=(ast.get_docstring(node) or "").partition("\n")[0],
        is_property=isinstance(node, ast.FunctionDef),
        uses=tuple(module.names[name] for name in names),
    )


def _parameters(arguments: ast.arguments) -> Iterator[Parameter]:
    positional = arguments.args[1:]  # without `self`
    missing = [None] * (len(positional) - len(arguments.defaults))
    for argument, default in zip(positional, [*missing, *arguments.defaults], strict=True):
        yield _parameter(argument, default, keyword_only=False)
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(argument, default, keyword_only=True)


def _parameter(argument: ast.arg, default: ast.expr | None, *, keyword_only: bool) -> Parameter:
    annotation = ast.unparse(argument.annotation) if argument.annotation else "object"
    written = ast.unparse(default) if default else ""
    return Parameter(argument.arg, annotation, written, keyword_only)
