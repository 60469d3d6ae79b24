"""The nearest of the known names, for "did you mean"."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that a typing slip could have turned into `word`, or None.

    Case, `-` against `_`, and what stands before `::` count as no difference at all. Otherwise one
    slip in four letters is forgiven: a letter too many, too few or wrong, or two that changed places.
    """
    folded = _folded(word)
    slips = {
        name: _slips(folded, _folded(name))
        for name in sorted(known)
        if _may_be_near(folded, _folded(name), _forgiven(name))
    }
    near = [name for name, count in slips.items() if count <= _forgiven(name)]
    return min(near, key=slips.__getitem__, default=None)


def _may_be_near(one: str, other: str, forgiven: int) -> bool:
    """Whether it is worth counting: a slip adds or removes a letter, or has another in its place."""
    apart = abs(len(one) - len(other))
    return apart <= forgiven and len(set(one) ^ set(other)) <= 2 * forgiven


def _forgiven(name: str) -> int:
    return max(1, len(_folded(name)) // 4)


def _folded(name: str) -> str:
    return name.lower().replace("-", "_").rpartition("::")[2]


def _slips(one: str, other: str) -> int:
    """The optimal string alignment distance."""
    above: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one):
        above, previous, row = row, above, [i + 1]
        for j, b in enumerate(other):
            row.append(min(row[j] + 1, above[j + 1] + 1, above[j] + (a != b)))
            if i and j and a == other[j - 1] and b == one[i - 1]:
                row[-1] = min(row[-1], previous[j - 1] + 1)
    return row[-1]
