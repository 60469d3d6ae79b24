"""A logistic head on a sentence encoder: what it is fitted on, what comes out, how good it is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HeadData:
    """What a head is fitted on: two columns of a table, and what says yes in the second.

    ``threshold`` is the score, between 0 and 1, from which on a text counts as positive; ``names``
    are what the negative and the positive class are called.
    """

    text: str
    label: str
    positive: str
    threshold: float = 0.5
    names: tuple[str, str] = ("negative", "positive")


@dataclass(frozen=True)
class Head:
    """What was fitted: the score of a vector is the logistic function of ``weights @ v + bias``."""

    weights: tuple[float, ...]
    bias: float
    threshold: float
    names: tuple[str, str]


@dataclass(frozen=True)
class Figures:
    """How the head does on the texts that it was not fitted on, at its threshold.

    ``recall`` is the part of the positive texts that it finds, ``false_positive_rate`` the part of
    the others that it takes for positive.
    """

    texts: int
    held_out: int
    accuracy: float
    recall: float
    false_positive_rate: float
