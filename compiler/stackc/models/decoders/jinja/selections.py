"""Jinja's filters that take other filters, tests or attributes for each entry."""

from collections.abc import Callable, Mapping
from typing import Final

from stackc.models.decoders.jinja import comparisons, filters
from stackc.models.decoders.jinja.code import Code, Level
from stackc.models.decoders.jinja.filters import Arguments, Filter, attribute
from stackc.models.decoders.jinja.operands import iterable, negated

ENTRY: Final = "entry"
"""The variable of the generators."""


def apply(name: str, code: Code, arguments: Arguments) -> Code | None:
    """``code | name(arguments)`` for any filter, or None if there is no such filter or form."""
    selection = _SELECTIONS.get(name)
    return selection(code, arguments) if selection else filters.apply(name, code, arguments)


def _select(*, by_attribute: bool, reject: bool) -> Filter:
    def select(code: Code, arguments: Arguments) -> Code | None:
        rest = list(arguments.positional)
        subject = Code(ENTRY)
        if arguments.named or (by_attribute and not (rest and isinstance(rest[0].value, str))):
            return None
        if by_attribute:
            subject = attribute(Code(ENTRY), rest.pop(0).value)
        found: Code | None = subject
        if rest:
            name = rest.pop(0).value
            found = comparisons.test(name, subject, rest) if isinstance(name, str) else None
        if found is None:
            return None
        condition = negated(found) if reject else found
        text = f"({ENTRY} for {ENTRY} in {_entries(code)} if {condition.at(Level.OR)})"
        return Code(text, "generator")

    return select


def _map(code: Code, arguments: Arguments) -> Code | None:
    result = _mapped(arguments)
    if result is None:
        return None
    return Code(f"({result.text} for {ENTRY} in {_entries(code)})", "generator")


def _mapped(arguments: Arguments) -> Code | None:
    if not arguments.named and arguments.positional:
        name, *rest = arguments.positional
        if not isinstance(name.value, str):
            return None
        return apply(name.value, Code(ENTRY), Arguments(tuple(rest)))
    taken = arguments.take("attribute", "default")
    path, otherwise = taken or (None, None)
    if path is None or not isinstance(path.value, str):
        return None
    found = attribute(Code(ENTRY), path.value)
    if otherwise is None:
        return found
    return filters.apply("default", found, Arguments((otherwise,)))


def _entries(code: Code) -> str:
    """These filters take what is false for an empty list."""
    known = code.kind in ("dict", "generator", "list", "str")
    return iterable(code) if known else f"each({code.at(Level.OR)} or ())"


_SELECTIONS: Final[Mapping[str, Callable[[Code, Arguments], Code | None]]] = {
    "map": _map,
    "select": _select(by_attribute=False, reject=False),
    "reject": _select(by_attribute=False, reject=True),
    "selectattr": _select(by_attribute=True, reject=False),
    "rejectattr": _select(by_attribute=True, reject=True),
}
