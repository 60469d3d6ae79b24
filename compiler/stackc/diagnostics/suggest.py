"""The nearest of the known names, for "did you mean"."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that a typing slip could have turned into `word`, or None.

    Case, and `-` against `_`, count as no difference at all.
    """
    names = sorted(known)
    for name in names:
        if _folded(name) == _folded(word):
            return name
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    return close[0] if close else None


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")
