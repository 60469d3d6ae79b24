"""A comparison as text: `+` is new, `-` is gone, `~` is changed, `!` breaks something."""

from collections.abc import Iterator

from stackc.comparison.change import SECTIONS, Change, Comparison, Detail, Kind

SIGNS = {"added": "+", "removed": "-", "changed": "~"}
WIDTH = 100
PLAIN = ("answered by", "size", "version")
"""Fields that stand beside what has no other."""


def text(comparison: Comparison) -> str:
    """The comparison as lines."""
    lines: list[str] = []
    for section in SECTIONS:
        changes = comparison.section(section)
        if changes:
            lines += [section, *(line for change in changes for line in _change(change)), ""]
    return "\n".join([*lines, _summary(comparison)]) + "\n"


def _summary(comparison: Comparison) -> str:
    count, breaking = len(comparison.changes), len(comparison.breaking)
    if not count:
        return "no difference"
    return f"{count} change{'s' * (count != 1)}, {breaking or 'none'} of them breaking"


def _change(change: Change) -> Iterator[str]:
    head = f"  {SIGNS[change.kind]} {change.name}"
    if change.details and change.details[0].field in PLAIN:
        yield f"{head}: {_values(change.details[0], change.kind)}"
    else:
        yield head
        yield from (line for detail in change.details for line in _lines(detail, change.kind))
    if change.breaking:
        yield f"      ! breaking: {change.breaking}"


def _lines(detail: Detail, kind: Kind) -> Iterator[str]:
    """A field on a line; one value below the other where both are too long for it."""
    line = f"      {detail.field}: {_values(detail, kind)}"
    if len(line) <= WIDTH or detail.before is None or detail.after is None:
        yield line
        return
    yield f"      {detail.field}:"
    yield f"        - {detail.before}"
    yield f"        + {detail.after}"


def _values(detail: Detail, kind: Kind) -> str:
    """What a field was and is; of what is new or gone, only what there is."""
    if detail.before == detail.after:
        return f"another one ({detail.after})"
    if kind == "removed":
        return str(detail.before)
    if kind == "added":
        return str(detail.after)
    before, after = ("(none)" if each is None else each for each in (detail.before, detail.after))
    return f"{before} -> {after}"
