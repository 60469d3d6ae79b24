"""Python of a scaffold laid out as `ruff format` has it: on a line, or one line inside, or one each."""

from collections.abc import Iterable, Iterator

from stackc.catalog import Symbol

WIDTH = 100


def enclosed(start: str, parts: tuple[str, ...], end: str, indent: str = "") -> str:
    """`start`, the parts with commas, `end`; the closing bracket is the first sign of `end`."""
    line = f"{indent}{start}{', '.join(parts)}{end}"
    if len(line) <= WIDTH:
        return line
    inside = f"{indent}    {', '.join(parts)}"
    if len(inside) <= WIDTH:
        return f"{indent}{start}\n{inside}\n{indent}{end}"
    lines = "".join(f"{indent}    {part},\n" for part in parts)
    return f"{indent}{start}\n{lines}{indent}{end}"


def one_each(start: str, parts: tuple[str, ...], end: str, indent: str = "") -> str:
    """Each part on a line of its own, as soon as there are two."""
    if len(parts) < 2:
        return f"{indent}{start}{', '.join(parts)}{end}"
    lines = "".join(f"{indent}    {part},\n" for part in parts)
    return f"{indent}{start}\n{lines}{indent}{end}"


def imports(symbols: Iterable[Symbol]) -> Iterator[str]:
    """Import statements, sorted by module, their names as import sorters have them."""
    names: dict[str, set[str]] = {}
    for symbol in symbols:
        names.setdefault(symbol.module, set()).add(symbol.name)
    for module in sorted(names, key=lambda name: (name.lower(), name)):
        yield _import(module, sorted(names[module], key=_order))


def _order(name: str) -> tuple[bool, bool, str]:
    """Constants, then classes, then the rest."""
    return not name.isupper(), not name[0].isupper(), name


def _import(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= WIDTH:
        return line
    inside = "".join(f"    {name},\n" for name in names)
    return f"from {module} import (\n{inside})"
