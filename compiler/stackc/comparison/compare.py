"""Comparing two plans: what one has and the other has not, and what that breaks."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from stackc.comparison import parts
from stackc.comparison.breaking import breaking
from stackc.comparison.change import SECTIONS, Change, Comparison, Detail
from stackc.comparison.parts import Fields, Parts
from stackc.plan import Plan

READ: dict[str, Callable[[Plan], Parts]] = {
    "server": parts.server,
    "APIs": parts.apis,
    "routes": parts.routes,
    "providers": parts.providers,
    "models": parts.models,
    "variables": parts.variables,
    "packages": parts.packages,
    "memory and sizes": parts.sizes,
}
"""What is compared in each of the sections."""


def compare(old: Plan, new: Plan) -> Comparison:
    """What changes from one plan to another."""
    changes = [change for section in SECTIONS for change in _changes(section, old, new)]
    return Comparison(tuple(replace(each, breaking=breaking(each)) for each in changes))


def _changes(section: str, old: Plan, new: Plan) -> Iterator[Change]:
    before, after = READ[section](old), READ[section](new)
    hidden = _hidden(section, old, new)
    for name in sorted({*before, *after}):
        if name not in before:
            yield Change(section, "added", name, _details({}, after[name]))
        elif name not in after:
            yield Change(section, "removed", name, _details(before[name], {}))
        else:
            masked = (Detail(field, mask, mask) for field, mask in hidden.get(name, {}).items())
            details = (*_details(before[name], after[name]), *masked)
            if details:
                yield Change(section, "changed", name, details)


def _details(before: Fields, after: Fields) -> tuple[Detail, ...]:
    """The fields that differ, in the order in which they are told."""
    return tuple(
        Detail(field, before.get(field), after.get(field))
        for field in dict.fromkeys((*before, *after))
        if before.get(field) != after.get(field)
    )


def _hidden(section: str, old: Plan, new: Plan) -> Parts:
    """What differs and must not be shown: the details say only that it does."""
    found = {
        "variables": parts.hidden_defaults,
        "providers": parts.hidden_arguments,
    }
    return found[section](old, new) if section in found else {}
