"""The shortest chains from a thing, over what asks for it, to the roots that the user knows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from stackc.reasons.reason import Reason

Root = tuple[str, Reason]
"""A reason that ends a chain; the text tells it apart from the other roots."""


@dataclass(frozen=True)
class Links:
    """How a name leads on: to roots, and to the names that ask for it, told in `words`."""

    roots: Callable[[str], Sequence[Root]]
    above: Callable[[str], Sequence[str]]
    words: str


def chains(thing: str, links: Links) -> tuple[Reason, ...]:
    """Every shortest chain to each of the roots, as a tree."""
    distances = _distances(thing, links)
    nearest: dict[str, int] = {}
    for name, distance in distances.items():  # the nearest come first
        for root, _ in links.roots(name):
            nearest.setdefault(root, distance)
    return tuple(_reasons(thing, links, distances, nearest))


def _distances(thing: str, links: Links) -> dict[str, int]:
    found = {thing: 0}
    todo = [thing]
    for name in todo:
        for above in links.above(name):
            if above not in found:
                found[above] = found[name] + 1
                todo.append(above)
    return found


def _reasons(
    name: str, links: Links, distances: dict[str, int], nearest: dict[str, int]
) -> Iterator[Reason]:
    for root, reason in links.roots(name):
        if nearest[root] == distances[name]:
            yield reason
    for above in links.above(name):
        if distances[above] == distances[name] + 1:
            because = tuple(_reasons(above, links, distances, nearest))
            if because:
                yield Reason(links.words.format(above), because=because)
