"""The nearest of the known names, for "did you mean"."""

import re
from collections import Counter
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that a typing slip could have turned into `word`, or None.

    Case, `-` against `_`, and what stands before `::` count as no difference at all. Otherwise one
    slip in four letters is forgiven: a letter too many, too few or wrong, or two that changed places.
    """
    return next(iter(_all_nearest(word, known)), None)


def certain(word: str, known: Iterable[str]) -> str | None:
    """The nearest name where no other one is as near, and nothing but a slip explains the word.

    Another digit is another thing, as is another kind (`inline::` and `remote::`); and among names
    of three letters one slip is too much.
    """
    near = _all_nearest(word, known)
    return near[0] if len(near) == 1 and _is_slip(word, near[0]) else None


def renames(words: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """The words that are certainly slips, each with the name that no other of the words means."""
    names = tuple(known)
    meant = {word: near for word in words if (near := certain(word, names))}
    counts = Counter(meant.values())
    return {word: near for word, near in meant.items() if word != near and counts[near] == 1}


def _all_nearest(word: str, known: Iterable[str]) -> list[str]:
    """Every known name that is as near as the nearest, sorted."""
    folded = _folded(word)
    slips = {
        name: _slips(folded, _folded(name))
        for name in sorted(known)
        if _may_be_near(folded, _folded(name), _forgiven(_folded(name)))
    }
    near = {name: count for name, count in slips.items() if count <= _forgiven(_folded(name))}
    least = min(near.values(), default=0)
    return [name for name, count in near.items() if count == least]


def _may_be_near(one: str, other: str, forgiven: int) -> bool:
    """Whether it is worth counting: a slip adds or removes a letter, or has another in its place."""
    apart = abs(len(one) - len(other))
    return apart <= forgiven and len(set(one) ^ set(other)) <= 2 * forgiven


def _is_slip(word: str, name: str) -> bool:
    slips, folded = _slips(_folded(word), _folded(name)), _folded(name)
    return slips <= len(folded) // 4 and _digits(word) == _digits(name) and _same_kind(word, name)


def _digits(word: str) -> list[str]:
    return re.findall(r"\d", word)


def _same_kind(word: str, name: str) -> bool:
    """Whether what stands before `::` is the same but for a slip, or left out."""
    kind, other = word.lower().rpartition("::")[0], name.lower().rpartition("::")[0]
    return not kind or _slips(kind, other) <= len(other) // 4


def _forgiven(folded: str) -> int:
    return max(1, len(folded) // 4)


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
