"""Looking into a file of a source: what is not of the expected shape has no parts."""

from collections.abc import Iterator

from stackc.tree import Entry, Mapping, Scalar, Sequence, Value
from stackc.values import Name


def entries(value: Value | None) -> tuple[Entry, ...]:
    """The entries of a mapping."""
    return value.entries if isinstance(value, Mapping) else ()


def texts(value: Value | None) -> Iterator[Name]:
    """The texts of a list."""
    for item in value.items if isinstance(value, Sequence) else ():
        if isinstance(item, Scalar):
            yield Name(str(item.value), item.span)


def at(value: Value | None, *path: str | int) -> Value | None:
    """The value at a path, or the last one on the way that is no mapping and no list."""
    for step in path:
        if isinstance(value, Mapping) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, Sequence) and isinstance(step, int):
            value = value.items[step]
    return value
